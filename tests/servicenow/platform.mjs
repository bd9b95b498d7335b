// Stand-ins for what background scripts use of the platform: GlideRecord over tables in memory, gs, RESTMessageV2. They follow
// the documented API, refuse what is not modelled, and are not the platform.

import { readFileSync } from 'node:fs';
import vm from 'node:vm';

/** Tables as an instance has them: fields with their type and reference, and rows. */
export function instance({ release = '4.0' } = {}) {
  const text = { type: 'string' };
  const ref = (table) => ({ type: 'reference', table });
  const tables = {
    token_verification: { name: text, token: { type: 'password2' }, description: text },
    message_auth: { name: text, provider: ref('sys_cs_provider'), inbound_message_verification: { type: 'document_id' } },
    sys_cs_provider: { name: text, maintain_message_ordering: text, automatic_link_enabled: text },
    sys_cs_provider_application: { name: text, provider: ref('sys_cs_provider'), inbound_id: text, message_auth: ref('message_auth') },
    sys_cs_custom_adapter_property: { name: text, value: text, provider_app: ref('sys_cs_provider_application') },
    sys_rest_message: { name: text, rest_endpoint: text },
    sys_rest_message_fn: { rest_message: ref('sys_rest_message'), function_name: text, rest_endpoint: text, http_method: text },
    sys_rest_message_fn_headers: { rest_message_function: ref('sys_rest_message_fn'), name: text, value: text },
    http_connection: { name: text, connection_url: text },
  };
  if (release !== '4.0') tables.sn_va_as_service_outbound_configuration = { name: text };
  const world = { tables, rows: {}, writes: 0, next: 1 };
  for (const table of Object.keys(tables)) world.rows[table] = [];
  const provider = insert(world, 'sys_cs_provider', { name: 'VA Bot to Bot Provider' });
  insert(world, 'sys_cs_provider_application', { name: 'VA Bot to Bot Provider Application', provider, inbound_id: 'VA_BOT_TO_BOT' });
  const message = insert(world, 'sys_rest_message', { name: 'VA Bot to Bot', rest_endpoint: '' });
  insert(world, 'sys_rest_message_fn', { rest_message: message, function_name: 'postMessage', rest_endpoint: '', http_method: 'post' });
  insert(world, 'http_connection', { name: 'Bot Connection', connection_url: '' });
  world.writes = 0;
  return world;
}

function insert(world, table, values) {
  const sys_id = `id${world.next++}`;
  world.rows[table].push({ ...values, sys_id });
  world.writes += 1;
  return sys_id;
}

function glideRecord(world) {
  return class GlideRecord {
    constructor(table) {
      Object.assign(this, { table, conditions: [], found: [], at: -1, row: null, isNew: false });
    }
    isValid() { return this.table in world.tables; }
    isValidField(name) { return name === 'sys_id' || name in (world.tables[this.table] ?? {}); }
    addQuery(field, value) {
      // The platform ignores a condition on a field it lacks and then finds everything: a trap worth modelling.
      if (this.isValidField(field)) this.conditions.push([field, String(value)]);
    }
    setLimit(limit) { this.limit = limit; }
    query() {
      const fits = (row) => this.conditions.every(([field, value]) => String(row[field] ?? '') === value);
      this.found = world.rows[this.table].filter(fits).slice(0, this.limit);
    }
    getRowCount() { return this.found.length; }
    next() {
      this.at += 1;
      const row = this.found[this.at];
      if (!row) return false;
      this.row = { ...row };
      return true;
    }
    initialize() { this.row = {}; this.isNew = true; }
    isNewRecord() { return this.isNew; }
    getUniqueValue() { return this.row?.sys_id ?? null; }
    getValue(field) { return this.row[field] === undefined ? null : String(this.row[field]); }
    setValue(field, value) {
      if (!this.isValidField(field)) throw new Error(`${this.table} has no ${field}`);
      if (world.tables[this.table][field]?.type === 'password2') throw new Error(`${field} would be stored in clear`);
      this.row[field] = value;
    }
    getElement(field) {
      if (!this.isValidField(field)) return null;
      const { type = 'GUID', table = null } = world.tables[this.table][field] ?? {};
      return {
        getName: () => field,
        getED: () => ({ getInternalType: () => type, getReference: () => table }),
        setDisplayValue: (value) => { this.row[field] = `encrypted(${value.length})`; },
      };
    }
    getElements() { return Object.keys(world.tables[this.table]).map((field) => this.getElement(field)); }
    insert() { this.row.sys_id = insert(world, this.table, this.row); this.isNew = false; return this.row.sys_id; }
    update() {
      const rows = world.rows[this.table];
      rows[rows.findIndex((row) => row.sys_id === this.row.sys_id)] = { ...this.row };
      world.writes += 1;
      return this.row.sys_id;
    }
  };
}

/** Runs a script of `servicenow/` with these settings; gives what it told, line by line. */
export function run(script, settings, { world, http } = {}) {
  let source = readFileSync(new URL(`../../servicenow/${script}`, import.meta.url), 'utf8');
  const given = /var SETTINGS = \{[^]*?\n\};/;
  if (!given.test(source)) throw new Error('the script has no SETTINGS');
  source = source.replace(given, `var SETTINGS = ${JSON.stringify(settings)};`);
  const told = [];
  const sandbox = { gs: { info: (text) => told.push(...text.split('\n')) } };
  if (world) sandbox.GlideRecord = glideRecord(world);
  if (http) sandbox.sn_ws = { RESTMessageV2: restMessage(http) };
  vm.runInNewContext(source, sandbox, { filename: script });
  return told;
}

function restMessage(http) {
  return class RESTMessageV2 {
    constructor() { this.request = { headers: {} }; }
    setEndpoint(url) { this.request.url = url; }
    setHttpMethod(method) { this.request.method = method; }
    setHttpTimeout() {}
    setRequestHeader(name, value) { this.request.headers[name.toLowerCase()] = value; }
    setBasicAuth(user, password) {
      this.request.headers.authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    }
    setRequestBody(body) { this.request.body = body; }
    execute() {
      const answer = http(this.request);
      return {
        getStatusCode: () => answer.status,
        getBody: () => answer.body ?? '',
        getErrorMessage: () => answer.error ?? '',
      };
    }
  };
}
