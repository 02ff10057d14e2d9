"""Draws the table of a soak (soak.py) as SVG, without any library."""

import csv

# In the order of docs/reliability.md; the name in the table, what a reader sees.
FAULTS = [
    ("segmentation_fault", "rank crashes"),
    ("killed_rank", "rank killed"),
    ("cable", "cable out"),
    ("killed_job", "job killed"),
    ("deadlock", "rank stops"),
    ("full_disk", "disk full"),
    ("lost_host", "machine off"),
]
# Title, columns; a column that is none of the job's own is drawn without gaps.
PANELS = [
    ("iteration of the newest checkpoint", ["iteration"]),
    ("resident memory of the largest rank, MB", ["resident_mb"]),
    ("open descriptors of the rank that has most", ["descriptors"]),
    ("the run's folder without its tables, MB (blue); what killed launchers left in TMPDIR (orange)",
     ["disk_mb", "left_mb"]),
    ("ranks", ["ranks"]),
]
OF_JOB = {"resident_mb", "descriptors"}
COLORS = ["#1f77b4", "#ff7f0e"]
LEFT, WIDTH, RIGHT = 90, 720, 20
ROW, HEIGHT, GAP = 15, 80, 42


class Plot:
    def __init__(self, rows):
        self.rows = rows
        self.minutes = max(rows[-1]["seconds"], 1) / 60
        self.parts = []

    def x(self, seconds):
        return LEFT + WIDTH * seconds / 60 / self.minutes

    def text(self, x, y, text, anchor="start", color="black"):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{text}</text>')

    def frame(self, y, height):
        self.parts.append(
            f'<rect x="{LEFT}" y="{y}" width="{WIDTH}" height="{height}" fill="none" stroke="#999"/>')

    def minutes_axis(self, y):
        step = next(s for s in (1, 2, 5, 10, 20, 60, 120, 1e9) if self.minutes / s <= 12)
        minute = 0
        while minute <= self.minutes:
            self.text(self.x(60 * minute), y, f"{minute:g}", "middle")
            minute += step

    def gaps(self):
        """The times without a job, as pairs of seconds."""
        begin = None
        for row in self.rows:
            if row["ranks"] == 0 and begin is None:
                begin = row["seconds"]
            elif row["ranks"] > 0 and begin is not None:
                yield begin, row["seconds"]
                begin = None

    def shade(self, y, height):
        for begin, end in self.gaps():
            self.parts.append(
                f'<rect x="{self.x(begin):.1f}" y="{y}" width="{self.x(end) - self.x(begin):.1f}" '
                f'height="{height}" fill="#e8e8e8"/>')

    def faults(self, y):
        height = ROW * len(FAULTS)
        self.shade(y, height)
        self.frame(y, height)
        for number, (name, shown) in enumerate(FAULTS):
            middle = y + ROW * (number + 0.5)
            self.text(LEFT - 6, middle + 4, shown, "end")
            for row in self.rows:
                if name in row["fault"]:
                    x = self.x(row["seconds"])
                    self.parts.append(
                        f'<path d="M{x:.1f} {middle - 5:.1f}v10" stroke="#d62728" stroke-width="2"/>')

    def panel(self, y, title, names):
        limit = max(max(row[name] for row in self.rows) for name in names)
        limit = next(
            step * 10**power for power in range(-3, 9) for step in (1, 2, 5)
            if step * 10**power >= 1.02 * limit)
        self.shade(y, HEIGHT)
        self.frame(y, HEIGHT)
        self.text(LEFT, y - 5, title)
        for share in (0, 0.5, 1):
            self.text(LEFT - 6, y + HEIGHT * (1 - share) + 4, f"{limit * share:g}", "end")
        for name, color in zip(names, COLORS):
            self.line(y, limit, name, color)

    def line(self, y, limit, name, color):
        """A line that is broken where there is no job; of a run of equal values only the ends."""
        points, pieces = [], []
        for number, row in enumerate(self.rows):
            if name in OF_JOB and row["ranks"] == 0:
                pieces.append(points)
                points = []
                continue
            point = f"{self.x(row['seconds']):.1f},{y + HEIGHT * (1 - row[name] / limit):.1f}"
            same = [p.split(",")[1] for p in points[-2:]]
            if len(same) == 2 and same[0] == same[1] == point.split(",")[1]:
                points.pop()
            points.append(point)
        for piece in pieces + [points]:
            if piece:
                self.parts.append(
                    f'<polyline points="{" ".join(piece)}" fill="none" stroke="{color}"/>')

    def svg(self):
        y = 24
        self.text(LEFT, y - 7, "faults; grey: no job, until the script has been called again")
        self.faults(y)
        y += ROW * len(FAULTS)
        self.minutes_axis(y + 13)
        y += GAP
        for title, names in PANELS:
            self.panel(y, title, names)
            y += HEIGHT
            self.minutes_axis(y + 13)
            y += GAP
        self.text(LEFT + WIDTH, y - 12, "minutes", "end")
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" height="{y}" '
            'font-family="sans-serif" font-size="11">\n'
            '<rect width="100%" height="100%" fill="white"/>')
        return "\n".join([head, *self.parts, "</svg>\n"])


def write(table, path):
    with open(table, newline="") as file:
        rows = [
            {name: text if name == "fault" else float(text) for name, text in row.items()}
            for row in csv.DictReader(file)
        ]
    with open(path, "w") as file:
        file.write(Plot(rows).svg())
