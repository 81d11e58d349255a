"""The frame of the report's page: head, style, and where title and body go. Braces are doubled for `str.format`."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light; }}
body {{ margin: 0 auto; padding: 1rem; max-width: 72rem; color: #1d2329; background: #fff;
  font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; }}
h1 {{ margin: 0.4rem 0 0; font-size: 1.6rem; overflow-wrap: anywhere; }}
h2 {{ margin: 2rem 0 0.6rem; padding-bottom: 0.2rem; border-bottom: 1px solid #cfd6dd; font-size: 1.15rem; }}
p, li, figcaption {{ overflow-wrap: anywhere; }}
p {{ max-width: 48rem; margin: 0.5rem 0; }}
figure {{ margin: 0; break-inside: avoid; }}
figcaption {{ padding: 0.15rem 0 0.3rem; color: #4a5560; font-size: 0.85rem; }}
img {{ display: block; width: 100%; height: auto; }}
table {{ border-collapse: collapse; flex: 1 1 22rem; min-width: 0; }}
th, td {{ padding: 0.25rem 0.8rem 0.25rem 0; border-bottom: 1px solid #e6eaee; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }}
th {{ width: 13rem; color: #4a5560; font-weight: 500; }}
pre {{ padding: 0.7rem; background: #f3f5f7; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.85rem; }}
.summary {{ display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }}
.summary figure {{ flex: 0 1 18rem; }}
.images, .charts, .pairs {{ display: grid; gap: 0.8rem; }}
.images {{ grid-template-columns: repeat(auto-fill, minmax(8.5rem, 12rem)); }}
.charts {{ grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); }}
.charts figure {{ max-width: 30rem; }}
.pairs {{ grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); }}
.pair {{ max-width: 22rem; }}
.pair div {{ display: grid; grid-template-columns: 1fr 1fr; gap: 2px; }}
@media (max-width: 30rem) {{
  body {{ padding: 0.7rem; font-size: 15px; }}
  th {{ width: 8.5rem; }}
  .images {{ grid-template-columns: repeat(2, 1fr); }}
  .pairs {{ grid-template-columns: repeat(2, 1fr); gap: 0.5rem; }}
}}
@media print {{
  @page {{ margin: 14mm; }}
  body {{ padding: 0; max-width: none; font-size: 10pt; }}
  h2 {{ break-after: avoid; }}
  .images {{ grid-template-columns: repeat(5, 1fr); }}
  .charts {{ grid-template-columns: repeat(2, 1fr); }}
  .pairs {{ grid-template-columns: repeat(4, 1fr); }}
}}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
