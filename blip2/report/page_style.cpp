// The style sheet of a page.
#include "blip2/report/page_style.h"

#include <string_view>

namespace blip2 {

std::string_view page_style() {
  static constexpr std::string_view kStyle = R"css(
:root {
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d1f23; --soft: #62666d; --faint: #8d9198;
  --line: #e5e2db; --grid: #ebe8e1; --accent: #0e6b77; --right: #2b7a4b; --wrong: #b0442f;
  --right-wash: #e6f2ea; --shade: 0 1px 2px rgb(40 34 20 / .05), 0 4px 14px rgb(40 34 20 / .045);
  --series-1: #0f7482; --series-2: #c4622d; --series-3: #6a5ab0; --series-4: #a83e6b;
  --series-5: #64802b; --series-6: #5b6773;
  color-scheme: light dark;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --card: #1d2024; --ink: #e8e6e1; --soft: #a3a6ab; --faint: #7d8187;
    --line: #2e3237; --grid: #292d32; --accent: #62c2cd; --right: #74c795; --wrong: #ec8b74;
    --right-wash: #1d3427; --shade: none;
    --series-1: #55bccb; --series-2: #ec9a66; --series-3: #a99cec; --series-4: #e386ae;
    --series-5: #adc86c; --series-6: #a4b0bc;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0 auto; max-width: 68rem; padding: clamp(1.5rem, 5vw, 4rem) clamp(1rem, 4vw, 2.5rem) 3rem;
  background: var(--paper); color: var(--ink);
  font: 400 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans",
    "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; -webkit-font-smoothing: antialiased;
}
h1, h2, h3 { line-height: 1.2; font-weight: 650; text-wrap: balance; letter-spacing: -.012em; }
h1 { margin: 0; font-size: clamp(1.8rem, 1.2rem + 2.6vw, 2.75rem); letter-spacing: -.024em; }
h2 { margin: 3.5rem 0 1rem; padding-top: 1.1rem; border-top: 1px solid var(--line);
     font-size: 1.45rem; scroll-margin-top: .5rem; }
h3 { margin: 2.2rem 0 .6rem; font-size: 1.08rem; }
p { margin: 0 0 1rem; max-width: 44rem; text-wrap: pretty; }
.lead { margin-top: 1rem; max-width: 46rem; font-size: 1.15rem; line-height: 1.55;
        color: var(--soft); }
a { color: var(--accent); }
nav { margin: 1.8rem 0 0; font-size: .9rem; }
nav ol { display: flex; flex-wrap: wrap; gap: .25rem 1.35rem; margin: 0; padding: 0;
         list-style: none; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; text-underline-offset: .2em; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--line);
         color: var(--faint); font-size: .85rem; }
footer p { max-width: none; }

.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .9rem;
         margin: 1.8rem 0; }
.facts > div { display: flex; flex-direction: column; padding: 1rem 1.1rem .9rem;
               background: var(--card); border: 1px solid var(--line); border-radius: .7rem;
               box-shadow: var(--shade); break-inside: avoid; }
.facts dt { order: 2; font-size: .88rem; line-height: 1.35; }
.facts dd { margin: 0; }
.facts .value { order: 1; margin-bottom: .3rem; font-size: 1.7rem; line-height: 1.15;
                font-weight: 620; letter-spacing: -.02em; color: var(--accent); }
.facts .long { font-size: 1.25rem; line-height: 1.3; text-wrap: balance; }
.facts .note { order: 3; margin-top: .15rem; font-size: .8rem; color: var(--faint); }

figure { margin: 1.5rem 0; break-inside: avoid; }
figcaption { margin-top: .55rem; max-width: 44rem; font-size: .87rem; line-height: 1.5;
             color: var(--soft); }
figure img, figure svg { display: block; max-width: 100%; height: auto; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
           gap: 1.5rem 1.75rem; margin: 1.5rem 0; }
.figures figure { margin: 0; }
.chart { width: 100%; font: 400 12px/1 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
         "Liberation Sans", Arial, sans-serif; font-variant-numeric: tabular-nums; }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .94rem; line-height: 1.4; }
th, td { padding: .42rem 1.4rem .42rem 0; text-align: left; vertical-align: baseline; }
th { font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-size: .82rem; color: var(--soft); vertical-align: bottom;
           border-bottom: 1.5px solid var(--ink); }
tbody tr + tr > * { border-top: 1px solid var(--line); }
tbody tr:last-child > * { border-bottom: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
.quiet > * { color: var(--faint); }

pre { margin: 1rem 0; padding: .9rem 1.1rem; overflow-x: auto; background: var(--card);
      border: 1px solid var(--line); border-radius: .6rem; line-height: 1.6; }
code { font: .88rem/1.6 ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas,
       "DejaVu Sans Mono", monospace; }

.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr));
         gap: 1rem; }
.card { display: flex; flex-direction: column; overflow: hidden; background: var(--card);
        border: 1px solid var(--line); border-radius: .7rem; box-shadow: var(--shade);
        break-inside: avoid; }
.picture { aspect-ratio: 1; padding: 6%; background: #fff; border-bottom: 1px solid var(--line); }
.picture img { width: 100%; height: 100%; object-fit: contain; }
.card .words { padding: .65rem .8rem .75rem; font-size: .88rem; line-height: 1.4;
               overflow-wrap: anywhere; }
.card p { margin: 0; }
.card p + p { margin-top: .25rem; }
.generated { font-weight: 550; }
.reference { color: var(--soft); }
.remark { color: var(--faint); font-size: .78rem; }
.mark { display: inline-block; width: 1.05em; font-weight: 700; }
.mark.right { color: var(--right); }
.mark.wrong { color: var(--wrong); }

.search { margin: 0 0 1.6rem; break-inside: avoid; }
.search h4 { margin: 0 0 .55rem; font-size: 1rem; font-weight: 550; line-height: 1.35; }
.search h4 small { margin-left: .6rem; font-size: .82rem; font-weight: 400; color: var(--faint); }
.hits { display: grid; grid-template-columns: repeat(var(--hits, 5), minmax(0, 1fr));
        gap: clamp(.35rem, 1.4vw, .9rem); margin: 0; padding: 0; list-style: none; }
.hits li { overflow: hidden; background: var(--card); border: 1px solid var(--line);
           border-radius: .55rem; font-size: .8rem; line-height: 1.35; }
.hits .score { display: block; padding: .3rem .3rem .35rem; text-align: center;
               color: var(--soft); }
.hits .hit { border-color: var(--right); box-shadow: 0 0 0 1.5px var(--right); }
.hits .hit .score { background: var(--right-wash); color: var(--right); font-weight: 600; }
.searches { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 29rem), 1fr));
            gap: .4rem 2.2rem; }

.candidate { display: grid; grid-template-columns: 11rem minmax(0, 1fr); gap: 1.1rem;
             margin: 0 0 1.2rem; break-inside: avoid; }
.candidate .picture { border: 1px solid var(--line); border-radius: .55rem; }
.candidate ol { margin: 0; padding: 0; list-style: none; font-size: .86rem; line-height: 1.5; }
.candidate li { padding: 0 .4rem; border-radius: .3rem; color: var(--soft);
                overflow-wrap: anywhere; }
.candidate .kept { background: var(--right-wash); color: var(--right); font-weight: 600; }
.candidate .score { font-variant-numeric: tabular-nums; }
.candidate .source { display: inline-block; width: 3.4rem; color: var(--faint); }

.attention { margin: 0 0 1.6rem; break-inside: avoid; }
.attention ol { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr));
                gap: .8rem; margin: 0; padding: 0; list-style: none; }
.attention li { font-size: .8rem; line-height: 1.4; color: var(--soft); text-align: center; }
.attention img { width: 100%; margin-bottom: .3rem; border: 1px solid var(--line);
                 border-radius: .55rem; }

@media (max-width: 34rem) {
  .cards { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .7rem; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .6rem; }
  .facts .value { font-size: 1.4rem; }
  .attention ol { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .candidate { grid-template-columns: 1fr; }
  th, td { padding-right: .95rem; }
  figure:has(> .wide) { overflow-x: auto; }
  .chart.wide { min-width: 40rem; }
}
@media print {
  :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --faint: #666; --line: #ccc;
          --grid: #ddd; --accent: #0b5560; --right: #1f6a3d; --wrong: #8f321f;
          --right-wash: #fff; --shade: none; --series-1: #0f7482; --series-2: #c4622d;
          --series-3: #6a5ab0; --series-4: #a83e6b; --series-5: #64802b; --series-6: #5b6773; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  h2, h3, h4 { break-after: avoid; }
  .cards { grid-template-columns: repeat(5, 1fr); gap: .6rem; }
  .figures, .searches { grid-template-columns: 1fr 1fr; }
  figure:has(.cards, .searches, .attention, .candidates) { break-inside: auto; }
}
)css";
  return kStyle;
}

}  // namespace blip2
