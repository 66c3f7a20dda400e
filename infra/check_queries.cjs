// Check the syntax of the queries, their functions and columns, with Microsoft's own parser. Run: make infra-check.
"use strict";
const fs = require("fs");
const path = require("path");
const vm = require("vm");

// The columns that the queries may use, as Azure names them.
// Source: https://learn.microsoft.com/azure/azure-monitor/reference/tables/traces and .../usage
const TABLES = {
  traces: "(timestamp: datetime, message: string, customDimensions: dynamic)",
  Usage: "(TimeGenerated: datetime, DataType: string, Quantity: real, IsBillable: bool)",
};

// The parser is compiled for browsers: two scripts that define global names.
const folder = path.dirname(require.resolve("@kusto/language-service-next"));
for (const script of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(fs.readFileSync(path.join(folder, script), "utf8"), script);
}
const { GlobalState, KustoCode, Symbols } = Kusto.Language;
const tables = Object.entries(TABLES).map(([name, schema]) => new Symbols.TableSymbol.$ctor7(name, schema, null));
const database = new Symbols.DatabaseSymbol.ctor("insights", tables);
const globals = GlobalState.Default.WithDatabase(database);

/** Return the problems of a query, each with its line. */
function problems(query) {
  const found = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  return Array.from({ length: found.Count }, (_, index) => found.getItem(index)).map((diagnostic) => {
    const line = query.slice(0, diagnostic.Start).split("\n").length;
    return `${line}: ${diagnostic.Severity}: ${diagnostic.Message}`;
  });
}

// A parser that accepts everything would be worse than none.
for (const wrong of ["traces | where", "traces | project message, text", "traces | summarize averages(message)"]) {
  if (problems(wrong).length === 0) throw new Error(`The parser accepts a wrong query: ${wrong}`);
}

const files = [__dirname, path.join(__dirname, "queries")].flatMap((parent) =>
  fs.readdirSync(parent).filter((name) => name.endsWith(".kql")).map((name) => path.join(parent, name)),
);
let mistakes = 0;
for (const file of files) {
  for (const problem of problems(fs.readFileSync(file, "utf8"))) {
    console.error(`${path.relative(process.cwd(), file)}:${problem}`);
    mistakes += 1;
  }
}
if (mistakes) process.exit(1);
console.log(`Queries: ${files.length} parsed.`);
