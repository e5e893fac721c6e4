# message: That is the card of the example above
data_card = EXAMPLE
