/// The look of a report: paper and ink by day, slate by night; blue for what is right, orange for what is wrong.
enum ReportStyle {
    static let css = [palette, page, summary, charts, confusion, gallery, tables, narrow].joined(separator: "\n")

    private static let palette = """
        :root { color-scheme: light dark; --paper: #f6f5f1; --card: #fffefb; --ink: #1c2025; --soft: #5b626b;
          --rule: #e3e0d8; --blue: #2458b0; --orange: #b94e0b; --green: #2c7a55; --on-strong: #fff; --shade: #1c20250d; }
        @media (prefers-color-scheme: dark) {
          :root { --paper: #121519; --card: #1a1e24; --ink: #e9e7e2; --soft: #9aa3ae; --rule: #2c323a;
            --blue: #82b1ff; --orange: #ff9d5c; --green: #6fcf9c; --on-strong: #10141a; --shade: #ffffff0d; } }
        """

    private static let page = """
        * { box-sizing: border-box; margin: 0; padding: 0; }
        html { -webkit-text-size-adjust: 100%; }
        body { background: var(--paper); color: var(--ink); font: 16px/1.5 Inter, ui-sans-serif, system-ui, -apple-system,
          "Segoe UI", "Helvetica Neue", Arial, "Liberation Sans", sans-serif; font-variant-numeric: tabular-nums; }
        main { max-width: 1120px; margin: 0 auto; padding: 56px 32px 24px; }
        .kicker { font-size: 12px; font-weight: 600; letter-spacing: .12em; text-transform: uppercase; color: var(--blue); }
        h1 { font-size: 40px; line-height: 1.15; letter-spacing: -.022em; font-weight: 680; margin: 8px 0 6px;
          overflow-wrap: anywhere; text-wrap: balance; }
        .date, .lead { color: var(--soft); }
        section { margin-top: 56px; }
        h2 { font-size: 21px; line-height: 1.3; letter-spacing: -.012em; font-weight: 650; margin-bottom: 16px; }
        h3 { font-size: 15px; font-weight: 620; }
        h3 small { font-weight: 400; font-size: 13px; color: var(--soft); margin-left: 6px; }
        .lead { max-width: 62ch; margin: -8px 0 18px; }
        footer { max-width: 1120px; margin: 40px auto 0; padding: 20px 32px 48px; color: var(--soft); font-size: 13px; }
        code { font: 12.5px ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
        :focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; }
        """

    private static let summary = """
        .summary { display: grid; grid-template-columns: minmax(250px, 3fr) 7fr; margin-top: 32px; background: var(--card);
          border: 1px solid var(--rule); border-radius: 14px; overflow: hidden; }
        .hero { padding: 28px 32px; border-right: 1px solid var(--rule); display: flex; flex-direction: column;
          justify-content: center; }
        .hero .name, dt { font-size: 13px; color: var(--soft); }
        .hero .value { font-size: 54px; line-height: 1.1; font-weight: 680; letter-spacing: -.035em; color: var(--blue); }
        .hero .remark { font-size: 14px; color: var(--soft); margin-top: 6px; }
        .summary dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); padding: 22px 32px;
          gap: 20px 24px; align-content: center; }
        .summary dl > :last-child { grid-column: span 2; }
        .summary dd { font-size: 19px; line-height: 1.35; font-weight: 600; letter-spacing: -.01em; overflow-wrap: anywhere; }
        """

    private static let charts = """
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 20px; }
        .chart { background: var(--card); border: 1px solid var(--rule); border-radius: 14px; padding: 18px 20px 14px; }
        .chart figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 4px 20px; margin-bottom: 10px; }
        .chart > svg { display: block; width: 100%; height: auto; overflow: visible; }
        .chart text { font-size: 12px; fill: var(--soft); }
        .legend { display: flex; flex-wrap: wrap; gap: 2px 18px; list-style: none; font-size: 13px; color: var(--soft); }
        .legend svg { width: 22px; height: 8px; margin-right: 7px; vertical-align: middle; }
        .legend b { color: var(--ink); font-weight: 600; }
        .legend path, .curve { fill: none; stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
        .train path, path.train { stroke: var(--soft); stroke-dasharray: 1 5; }
        .validation path, path.validation { stroke: var(--green); stroke-dasharray: 8 5; }
        .test path, path.test { stroke: var(--blue); }
        .grid { stroke: var(--rule); stroke-width: 1; }
        .dot.train { fill: var(--soft); } .dot.validation { fill: var(--green); } .dot.test { fill: var(--blue); }
        .best { fill: var(--card); stroke-width: 2.25; }
        .best.train { stroke: var(--soft); } .best.validation { stroke: var(--green); } .best.test { stroke: var(--blue); }
        .band > rect { fill: transparent; } .tip { opacity: 0; pointer-events: none; } .band:hover .tip { opacity: 1; }
        .tip path { stroke: var(--soft); stroke-width: 1; } .tip .box { fill: var(--card); stroke: var(--rule); }
        .tip .title, .tip .value { fill: var(--ink); font-weight: 600; }
        """

    private static let confusion = """
        .confusion { display: grid; grid-template-columns: minmax(0, 620px) minmax(260px, 1fr); gap: 20px 56px; }
        .heat { border-collapse: separate; border-spacing: 2px; table-layout: fixed; width: 100%; font-size: 13px; }
        .heat caption, .bitmap figcaption { caption-side: bottom; text-align: left; color: var(--soft); font-size: 13px; padding-top: 8px; }
        .heat th { font-weight: 600; color: var(--soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
        .heat thead td, .heat tbody th { width: 24px; }
        .heat.upright thead td { width: 108px; }
        .heat.upright tbody th { text-align: right; padding-right: 8px; font-weight: 500; }
        .heat.upright thead th { height: 92px; vertical-align: bottom; }
        .heat.upright thead span { writing-mode: vertical-rl; transform: rotate(180deg); font-weight: 500; }
        .heat tbody td { text-align: center; height: 42px; border-radius: 4px; background: var(--shade); }
        .heat .none { color: var(--soft); opacity: .45; }
        .heat .hit { background: color-mix(in oklab, var(--blue) var(--heat), var(--card)); }
        .heat .miss { background: color-mix(in oklab, var(--orange) var(--heat), var(--card)); }
        .heat .strong { color: var(--on-strong); font-weight: 600; }
        .errors ol { list-style: none; margin-top: 10px; }
        .errors li { position: relative; display: flex; justify-content: space-between; gap: 12px; padding: 9px 0 10px;
          border-bottom: 1px solid var(--rule); font-size: 15px; }
        .errors li::after { content: ""; position: absolute; left: 0; bottom: -1px; height: 2px; width: var(--share);
          background: var(--orange); }
        .errors .pair { color: var(--soft); overflow-wrap: anywhere; } .errors .pair b { color: var(--ink); }
        .said, .errors .pair .said { color: var(--orange); }
        .count { font-weight: 600; white-space: nowrap; }
        .count small { display: inline-block; width: 52px; text-align: right; font-weight: 400; font-size: 13px; color: var(--soft); }
        .bitmap img { display: block; width: 100%; image-rendering: pixelated; border: 1px solid var(--rule); }
        """

    private static let gallery = """
        .gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(116px, 1fr)); gap: 16px; }
        .gallery figure { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; overflow: hidden; }
        .gallery img { display: block; width: 100%; height: auto; aspect-ratio: 1; object-fit: contain; background: #000; }
        .gallery .pixels { image-rendering: pixelated; }
        .gallery figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 8px; padding: 8px 10px 10px;
          font-size: 13px; line-height: 1.45; color: var(--soft); }
        .gallery.named figcaption { flex-direction: column; }
        .gallery b { color: var(--ink); overflow-wrap: anywhere; } .gallery .said { color: var(--orange); }
        .gallery .sure { width: 100%; margin-top: 5px; padding-top: 5px; font-size: 12px;
          background: linear-gradient(var(--orange), var(--orange)) 0 0 / var(--share) 2px no-repeat,
            linear-gradient(var(--rule), var(--rule)) 0 0 / 100% 2px no-repeat; }
        """

    private static let tables = """
        .scroll { overflow: auto; max-height: 600px; background: var(--card); border: 1px solid var(--rule); border-radius: 14px; }
        .figures { border-collapse: separate; border-spacing: 0; width: 100%; font-size: 14px; white-space: nowrap; }
        .figures th, .figures td { padding: 8px 20px; text-align: right; }
        .figures thead th { color: var(--soft); font-weight: 500; font-size: 13px; padding-top: 12px; position: sticky; top: 0; background: var(--card);
          box-shadow: inset 0 -1px var(--rule); }
        .figures thead th:first-child { z-index: 1; }
        .figures tbody tr:first-child > * { border-top: 0; }
        .figures tbody th, .figures tfoot th { font-weight: 600; }
        .figures th:first-child { text-align: left; position: sticky; left: 0; background: var(--card); }
        .figures tbody tr > *, .figures tfoot tr > * { border-top: 1px solid var(--rule); }
        .figures tfoot td { font-weight: 600; } .missing { color: var(--soft); }
        .settings { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 0 40px; }
        .settings div { display: flex; justify-content: space-between; gap: 20px; padding: 8px 0;
          border-bottom: 1px solid var(--rule); }
        .settings dt, .settings dd { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
        .settings dd { text-align: right; overflow-wrap: anywhere; min-width: 0; }
        """

    private static let narrow = """
        @media (max-width: 860px) { .confusion, .summary { grid-template-columns: minmax(0, 1fr); }
          .hero { border-right: 0; border-bottom: 1px solid var(--rule); } }
        @media (max-width: 560px) { main { padding: 32px 16px 8px; } footer { padding: 16px 16px 32px; } section { margin-top: 40px; }
          h1 { font-size: 29px; } .hero { padding: 20px; } .hero .value { font-size: 46px; }
          .summary dl { padding: 18px 20px; grid-template-columns: 1fr 1fr; gap: 14px 16px; } .summary dd { font-size: 17px; }
          .chart { padding: 14px 14px 10px; } .chart text { font-size: 15px; }
          .heat { font-size: 11px; border-spacing: 1px; } .heat tbody td { height: 30px; border-radius: 2px; letter-spacing: -.03em; }
          .heat.upright { font-size: 10px; } .heat.upright thead td { width: 76px; } .heat.upright tbody th { padding-right: 4px; }
          .gallery { grid-template-columns: repeat(3, 1fr); gap: 10px; } .gallery figcaption { padding: 6px 8px 8px; font-size: 12px; }
          .figures { font-size: 13px; } .figures th, .figures td { padding: 7px 9px; } .figures th:first-child { padding-left: 14px; } }
        @media print { .scroll { max-height: none; } section { break-inside: avoid; } }
        """
}
