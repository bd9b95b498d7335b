// Every query of the documentation, through Microsoft's own parser: syntax, and the names of tables, columns and functions.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
require('@kusto/language-service-next/bridge.min.js');
require('@kusto/language-service-next/Kusto.Language.Bridge.min.js');
const { GlobalState, KustoCode, Symbols } = globalThis.Kusto.Language;

// The tables of Application Insights that the queries use, as its reference lists their columns.
const COMMON = 'timestamp:datetime, operation_Id:string, operation_ParentId:string, cloud_RoleName:string, '
  + 'cloud_RoleInstance:string, customDimensions:dynamic, itemCount:int';
const TABLES = {
  traces: `message:string, severityLevel:int, ${COMMON}`,
  requests: `id:string, name:string, url:string, success:string, resultCode:string, duration:real, ${COMMON}`,
};

const root = new URL('../../', import.meta.url);
const schema = Object.entries(TABLES)
  .map(([name, columns]) => Symbols.TableSymbol.From(`(${columns})`).WithName(name));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor1('insights', schema));

/** What is wrong with a query, a sentence each. */
function faults(query) {
  const found = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  return Array.from({ length: found.Count }, (_, n) => found.getItem(n))
    .map(({ Message, Start, End }) => `${Message} (${query.slice(Start, End)})`);
}

for (const wrong of ['traces | where no_such_column == 1', 'traces | summarize last = count()']) {
  if (faults(wrong).length === 0) throw new Error(`the parser finds nothing wrong with: ${wrong}`);
}

const read = (path) => readFileSync(new URL(path, root), 'utf8');
const pages = [...readdirSync(new URL('docs', root)).map((name) => `docs/${name}`)]
  .filter((name) => name.endsWith('.md'));
let queries = 0;
function check(place, query) {
  queries += 1;
  for (const fault of faults(query)) {
    console.error(`${place}: ${fault}\n${query}`);
    process.exitCode = 1;
  }
}

for (const page of pages) {
  for (const [, query] of read(page).matchAll(/```kusto\n([^]*?)```/g)) check(page, query);
}
const alerts = read('infra/monitoring.bicep');
const [, lines] = alerts.match(/^var lines = '(.*)'$/m);
for (const [, query] of alerts.matchAll(/^    query: '(.*)'$/gm)) check('infra/monitoring.bicep', query.replace('${lines}', lines));
for (const { content } of JSON.parse(read('infra/workbook.json')).items) {
  if (content.query) check('infra/workbook.json', content.query);
}
if (queries < 15) throw new Error(`few queries were found: ${queries}`);
console.log(`${queries} queries parsed`);
