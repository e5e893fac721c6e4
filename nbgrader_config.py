"""Settings of the course: for nbgrader, and, in c.CourseSettings, for autograde."""

c = get_config()  # noqa: F821 - given by the loader

c.CourseDirectory.course_id = "out-of-core"

# practice: ticks and help, no points. graded: points, hidden tests, gradebook.
c.CourseSettings.mode = "practice"
# A room of small laptops: every ceiling times this, or another ceiling for one exercise, as "96 MiB".
c.CourseSettings.ceiling_scale = 1.0
c.CourseSettings.ceilings = {}
# Time for one test cell, and for any other cell.
c.CourseSettings.test_seconds = 120
c.CourseSettings.cell_seconds = 120
# Around submissions: "bubblewrap", "process", or "auto", which takes bubblewrap where it works.
c.CourseSettings.sandbox = "auto"
# What stops a submission, whatever it does (autograde/limits.py has them all): {"memory_bytes": "4 GiB", ...}
c.CourseSettings.limits = {}

# Worked examples that nobody has changed or uses are not run again when a submission is judged (source/README.md).
c.GenerateAssignment.preprocessors.append("autograde.gradebook.MarkExamples")
# `nbgrader autograde` and the formgrader's button use the same judge as `autograde grade`.
c.Autograde.exporter_class = "autograde.gradebook.SafeExporter"
c.Autograde.sanitize_preprocessors = ["autograde.gradebook.Rebuild"]
c.Autograde.autograde_preprocessors = [
    "autograde.gradebook.Judge",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# The Validate button runs a whole notebook in one kernel; 30 s a cell, nbgrader's own limit, is short for 128 MiB.
c.Execute.timeout = 120
# Nothing that a submission shows may run in the browser of whoever reads its feedback.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = {"markdown2html": "autograde.gradebook.clean_markdown"}
c.SanitizeHTML.safe_output_keys = {
    "metadata",
    "text/plain",
    "image/png",
    "image/jpeg",
    "image/svg+xml",
}  # shown as images
# Feedback shows what a hidden test says, not its text.
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
