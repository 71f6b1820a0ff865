//! Pages that hold a drawing, and perhaps the figures of its run: one file, no network.

use std::fmt::Write;

use crate::lease::LeaseSummary;

/// The look of the page, light and dark.
const STYLE: &str = "\
body{font:15px system-ui,sans-serif;margin:2rem auto;max-width:1240px;padding:0 1rem;\
background:#fff;color:#222}\
h1{font-size:1.3rem}svg{width:100%;height:auto;touch-action:none}\
table{border-collapse:collapse;margin:1rem 0}td{padding:.15rem .9rem .15rem 0}\
td+td{text-align:right;font-variant-numeric:tabular-nums}\
.bar:hover,.bar.same{stroke:#000;stroke-width:1.6}p{color:#666}\
@media(prefers-color-scheme:dark){body{background:#16181c;color:#ddd}svg text{fill:#ccc}\
svg .row{fill:#1d2026}svg .odd{fill:#22262d}svg .grid{stroke:#333}svg .off{stroke:#ccc}\
.bar:hover,.bar.same{stroke:#fff}}";

/// Marks all bars of the lease under the pointer; the wheel zooms in time, dragging moves.
const SCRIPT: &str = "\
const svg=document.querySelector('svg'),whole=svg.viewBox.baseVal;\
const w=whole.width,h=whole.height;let drag=null;\
svg.addEventListener('mouseover',e=>{const g=e.target.closest('.bar');\
document.querySelectorAll('.same').forEach(o=>o.classList.remove('same'));\
if(g)document.querySelectorAll(`.bar[data-lease=\"${g.dataset.lease}\"]`)\
.forEach(o=>o.classList.add('same'))});\
const clamp=()=>{whole.width=Math.min(w,Math.max(w/200,whole.width));\
whole.x=Math.min(w-whole.width,Math.max(0,whole.x));\
svg.setAttribute('preserveAspectRatio','none')};\
svg.addEventListener('wheel',e=>{e.preventDefault();\
const at=e.offsetX/svg.clientWidth,f=e.deltaY>0?1.25:.8,old=whole.width;\
whole.width=old*f;clamp();whole.x+=(old-whole.width)*at;clamp()},{passive:false});\
svg.addEventListener('pointerdown',e=>{drag=[e.clientX,whole.x]});\
addEventListener('pointerup',()=>{drag=null});\
addEventListener('pointermove',e=>{if(drag){\
whole.x=drag[1]-(e.clientX-drag[0])*whole.width/svg.clientWidth;clamp()}});\
svg.addEventListener('dblclick',()=>{whole.x=0;whole.width=w;svg.removeAttribute(\
'preserveAspectRatio')});";

/// A page that looks as `style` says.
pub(super) fn frame(title: &str, style: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>\
         <meta name='viewport' content='width=device-width,initial-scale=1'>\
         <title>{title}</title><style>{style}</style></head>\n<body>{body}</body></html>\n"
    )
}

/// The page; its title and `svg` are of the same run as `summary`.
pub(super) fn page(title: &str, svg: &str, summary: &LeaseSummary) -> String {
    let mut rows = String::new();
    for (name, value) in summary.named() {
        let value = if value == value.trunc() { format!("{value}") } else { format!("{value:.4}") };
        writeln!(rows, "<tr><td>{name}</td><td>{value}</td></tr>").expect("a string");
    }
    let heading = escape(title);
    let body = format!(
        "<h1>{heading}</h1>\n\
         <p>Point at a bar for its lease. The wheel zooms in time, dragging moves, a double click \
         shows all again.</p>\n{svg}<table>\n{rows}</table>\n<script>{SCRIPT}</script>"
    );
    frame(title, STYLE, &body)
}

/// `text` for XML.
pub(super) fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}
