"""The plots of a benchmark's page. They need matplotlib, which is imported when the first one is drawn."""

from .report_plots import binned_means, families_by_error, report_plots
from .speed_plots import speed_plots
from .style import Plot, plain_name, require_matplotlib

__all__ = [
    "Plot",
    "binned_means",
    "families_by_error",
    "plain_name",
    "report_plots",
    "require_matplotlib",
    "speed_plots",
]
