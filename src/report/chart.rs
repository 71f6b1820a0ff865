//! Rows of bars over time, with curves below.

use std::fmt::Write;

use super::axis::Axis;
use super::page::{self, escape};

/// A picture.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What each class of bars is.
    pub legend: Vec<String>,
    /// From top to bottom.
    pub rows: Vec<Row>,
    /// Below the rows.
    pub panels: Vec<Panel>,
}

/// One line of bars.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Row {
    /// What stands left of it.
    pub label: String,
    /// They may touch, but should not overlap.
    pub bars: Vec<Bar>,
}

/// A span of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// When it begins, s.
    pub from: f64,
    /// When it ends, s.
    pub to: f64,
    /// Which entry of the legend it is; gives its colour.
    pub class: usize,
    /// What a reader is told who points at it.
    pub note: String,
}

/// Curves over the time of the rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Panel {
    /// What they show, with its unit.
    pub label: String,
    /// At most eight.
    pub curves: Vec<Curve>,
    /// A line that curves may reach, such as a capacity.
    pub limit: Option<f64>,
}

/// A value that holds until the next point.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    /// Whose it is.
    pub label: String,
    /// `(seconds, value)`, in order of time.
    pub points: Vec<(f64, f64)>,
}

/// Colours that stay apart for most colour-blind readers (Okabe and Ito 2008), grey last.
const COLOURS: [&str; 8] =
    ["#56b4e9", "#0072b2", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#f0e442", "#999999"];

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 64.0;
const ROW: f64 = 18.0;
const BAR: f64 = 12.0;
const PANEL: f64 = 120.0;
const GAP: f64 = 46.0;

impl Chart {
    /// First and last time of all bars.
    fn span(&self) -> (f64, f64) {
        let bars = || self.rows.iter().flat_map(|row| &row.bars);
        let first = bars().map(|bar| bar.from).fold(f64::INFINITY, f64::min);
        let last = bars().map(|bar| bar.to).fold(f64::NEG_INFINITY, f64::max);
        if first <= last { (first, last) } else { (0.0, 1.0) }
    }

    /// The picture as an SVG document.
    pub fn svg(&self) -> String {
        let time = Axis::new(self.span(), LEFT, WIDTH - LEFT - RIGHT);
        let below = TOP + ROW * self.rows.len() as f64;
        let height = below + GAP + self.panels.len() as f64 * (PANEL + GAP);
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             font-family=\"sans-serif\" font-size=\"11\">\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
        );
        words(&mut out, (LEFT, 20.0), "text-anchor=\"start\" font-size=\"15\"", &self.title);
        self.draw_legend(&mut out);
        marks(&mut out, &time, (TOP, below));
        for (number, row) in self.rows.iter().enumerate() {
            draw_row(&mut out, row, &time, TOP + ROW * number as f64);
        }
        for (number, panel) in self.panels.iter().enumerate() {
            let top = below + GAP + number as f64 * (PANEL + GAP);
            draw_panel(&mut out, panel, &time, top);
        }
        out += "</svg>\n";
        out
    }

    /// The picture in a page of its own.
    pub fn page(&self) -> String {
        page::frame(&self.title, "body{margin:1em auto;max-width:80em}", &self.svg())
    }

    fn draw_legend(&self, out: &mut String) {
        let mut x = LEFT;
        for (class, name) in self.legend.iter().enumerate() {
            rect(out, (x, 32.0), (BAR, BAR), colour(class), "");
            text(out, (x + BAR + 4.0, 42.0), "start", name);
            x += BAR + 22.0 + 6.5 * name.chars().count() as f64;
        }
    }
}

fn draw_row(out: &mut String, row: &Row, time: &Axis, top: f64) {
    let inset = (ROW - BAR) / 2.0;
    text(out, (LEFT - 8.0, top + inset + BAR - 2.0), "end", &row.label);
    for bar in &row.bars {
        let (from, to) = (time.place(bar.from), time.place(bar.to));
        // A bar is seen however short.
        rect(out, (from, top + inset), ((to - from).max(0.6), BAR), colour(bar.class), &bar.note);
    }
}

fn draw_panel(out: &mut String, panel: &Panel, time: &Axis, top: f64) {
    let values = panel.curves.iter().flat_map(|curve| &curve.points).map(|&(_, value)| value);
    let most = values.chain(panel.limit).fold(0.0, f64::max) * 1.05;
    let (bottom, level) = (top + PANEL, Axis::new((0.0, most), top + PANEL, -PANEL));
    text(out, (LEFT, top - 6.0), "start", &panel.label);
    marks(out, time, (top, bottom));
    for value in level.ticks(3) {
        let y = level.place(value);
        line(out, (LEFT, y), (WIDTH - RIGHT, y), "#dddddd");
        text(out, (LEFT - 8.0, y + 4.0), "end", &plain(value));
    }
    if let Some(limit) = panel.limit {
        let y = level.place(limit);
        line(out, (LEFT, y), (WIDTH - RIGHT, y), "#000000");
    }
    let mut x = WIDTH - RIGHT;
    for (number, curve) in panel.curves.iter().enumerate().rev() {
        let ink = colour(number + 1);
        let style = format!("text-anchor=\"end\" fill=\"{ink}\"");
        words(out, (x, top - 6.0), &style, &curve.label);
        x -= 14.0 + 6.5 * curve.label.chars().count() as f64;
        writeln!(
            out,
            "<path d=\"{}\" fill=\"none\" stroke=\"{ink}\"/>",
            steps(curve, time, &level)
        )
        .expect("a string takes all");
    }
}

/// The curve as horizontal and vertical strokes.
fn steps(curve: &Curve, time: &Axis, level: &Axis) -> String {
    let mut path = String::new();
    let shown = curve.points.iter().take_while(|&&(at, _)| at <= time.high());
    for (number, &(at, value)) in shown.enumerate() {
        let (x, y) = (time.place(at), level.place(value));
        let begun = number > 0;
        let stroke = if begun { format!("H{x:.1}V{y:.1}") } else { format!("M{x:.1} {y:.1}") };
        path += &stroke;
    }
    path
}

/// Vertical lines at round times from the top to the bottom, with the times below.
fn marks(out: &mut String, time: &Axis, (top, bottom): (f64, f64)) {
    for value in time.ticks(6) {
        let x = time.place(value);
        line(out, (x, top), (x, bottom), "#dddddd");
        text(out, (x, bottom + 14.0), "middle", &format!("{} s", plain(value)));
    }
    line(out, (LEFT, bottom), (WIDTH - RIGHT, bottom), "#888888");
}

fn colour(class: usize) -> &'static str {
    COLOURS[class % COLOURS.len()]
}

/// A number without superfluous digits.
fn plain(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    rounded.to_string()
}

fn rect(out: &mut String, (x, y): (f64, f64), (width, height): (f64, f64), ink: &str, note: &str) {
    let title =
        if note.is_empty() { String::new() } else { format!("<title>{}</title>", escape(note)) };
    writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
         fill=\"{ink}\">{title}</rect>"
    )
    .expect("a string takes all");
}

fn line(out: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), ink: &str) {
    writeln!(
        out,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{ink}\"/>"
    )
    .expect("a string takes all");
}

fn text(out: &mut String, at: (f64, f64), anchor: &str, said: &str) {
    words(out, at, &format!("text-anchor=\"{anchor}\""), said);
}

/// Words with attributes of their own.
fn words(out: &mut String, (x, y): (f64, f64), style: &str, said: &str) {
    writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{}</text>", escape(said))
        .expect("a string takes all");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From 0 to 8 s over 830 units from 150 on: 2 s lie at 357.5 and are 207.5 long.
    #[test]
    fn bars_lie_where_their_times_are_and_words_are_escaped() {
        let bar = |from, to, class| Bar { from, to, class, note: "a < b".into() };
        let row = Row { label: "h1 & h2".into(), bars: vec![bar(0.0, 2.0, 0), bar(2.0, 8.0, 1)] };
        let curve = Curve { label: "up".into(), points: vec![(0.0, 0.0), (2.0, 5.0), (8.0, 0.0)] };
        let panel = Panel { label: "MB/s".into(), curves: vec![curve], limit: Some(10.0) };
        let legend = vec!["bulk".into(), "stop".into()];
        let chart = Chart { title: "t".into(), legend, rows: vec![row], panels: vec![panel] };
        let svg = chart.svg();
        assert!(svg.contains("<rect x=\"357.5\" y=\"67.0\" width=\"622.5\""), "{svg}");
        assert!(svg.contains("<title>a &lt; b</title>") && svg.contains("h1 &amp; h2"));
        assert!(svg.contains("H357.5V"), "the curve steps where the second bar begins");
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }

    #[test]
    fn an_empty_picture_is_one() {
        assert!(Chart::default().svg().ends_with("</svg>\n"));
    }
}
