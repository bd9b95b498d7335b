// Sets a ServiceNow instance up for servicenow-handoff: message authentication, provider application, receipts, order of
// messages, and the address that answers go to. Paste it into System Definition > Scripts - Background (scope global, role
// admin), fill in SETTINGS, and run it with dryRun true first: it then says what it would do and changes nothing.
// It may be run again at any time: what is as it should be is left alone. It prints no secret.
//
// It was run against stand-ins of the platform's objects (tests/servicenow), never on an instance. Where a table or a field
// has another name than documented, it says so under "by hand" instead of guessing. Written for ES5, as global scripts are.

var SETTINGS = {
  dryRun: true,
  // The connector's root, as PUBLIC_URL.
  root: 'https://handoff.example.com/',
  // What the connector has as RESPONSES_TOKEN.
  responsesToken: '',
  // What the connector has as SERVICENOW_TOKEN. Empty: message authentication is left alone, and every user is a guest.
  messageToken: '',
  // What the connector has as SERVICENOW_APP_INBOUND_ID. Empty: the provider application that comes with the API is used.
  inboundId: ''
};

(function setUp(settings) {
  var NAME = 'servicenow-handoff';
  // An instance may have several connectors, each with a provider application of its own.
  var OWN = settings.inboundId ? NAME + ' ' + settings.inboundId : NAME;
  var STOCK = 'VA Bot to Bot Provider Application';
  var PATH = 'api/servicenow/responses';
  var told = [];

  function tell(what, text) {
    told.push(what + ': ' + text);
  }

  function byHand(text) {
    tell('by hand', text);
  }

  // The record, whether it is there or new; null when the instance lacks the table or a field that is searched by. The platform
  // leaves out a condition on a field it lacks, and would find a record of somebody else's.
  function find(table, conditions, label) {
    var record = new GlideRecord(table);
    if (!record.isValid()) {
      byHand('this instance has no table ' + table + '; ' + label + ' must be set up in its own place.');
      return null;
    }
    for (var field in conditions) {
      if (!record.isValidField(field)) {
        byHand(table + ' has no field ' + field + ' to look by; look for ' + label + ' yourself, and set it up.');
        return null;
      }
      record.addQuery(field, conditions[field]);
    }
    record.setLimit(2);
    record.query();
    if (record.getRowCount() > 1) {
      byHand(table + ' has several records for ' + describe(conditions) + '; the first one is used, look at the others.');
    }
    if (record.next()) {
      return record;
    }
    record = new GlideRecord(table);
    record.initialize();
    for (var name in conditions) {
      record.setValue(name, conditions[name]);
    }
    return record;
  }

  function describe(conditions) {
    var parts = [];
    for (var field in conditions) {
      parts.push(field + ' ' + conditions[field]);
    }
    return parts.join(', ');
  }

  // The first of the names that is a field of the record; null when none is.
  function fieldOf(record, names) {
    for (var i = 0; i < names.length; i++) {
      if (record.isValidField(names[i])) {
        return names[i];
      }
    }
    return null;
  }

  // The field that refers to this table.
  function referenceTo(record, table) {
    var elements = record.getElements();
    for (var i = 0; i < elements.length; i++) {
      if (elements[i].getED().getReference() == table) {
        return elements[i].getName();
      }
    }
    return null;
  }

  function isSecret(record, field) {
    var type = String(record.getElement(field).getED().getInternalType());
    return type.indexOf('password') === 0;
  }

  // A secret can't be read back to compare: it is written each time.
  function set(record, field, value, changed) {
    if (isSecret(record, field)) {
      record.getElement(field).setDisplayValue(value);
      changed.push(field + ' (a secret)');
    } else if (String(record.getValue(field) || '') !== String(value)) {
      record.setValue(field, value);
      changed.push(field);
    }
  }

  // What comes with the API is never made: a record of its name that nothing refers to would be of no use.
  function existing(table, conditions, label) {
    var record = find(table, conditions, label);
    if (record && record.isNewRecord()) {
      byHand('there is no ' + describe(conditions) + ' in ' + table + '; look for it, and set ' + label + ' yourself.');
      return null;
    }
    return record;
  }

  function ensure(table, conditions, values, label) {
    return write(find(table, conditions, label), table, values, label);
  }

  function change(table, conditions, values, label) {
    return write(existing(table, conditions, label), table, values, label);
  }

  // values: [names a field may have, value], of which the first name that exists counts.
  function write(record, table, values, label) {
    if (!record) {
      return null;
    }
    var changed = [];
    for (var i = 0; i < values.length; i++) {
      var field = fieldOf(record, values[i][0]);
      if (field) {
        set(record, field, values[i][1], changed);
      } else {
        byHand(table + ' has no field ' + values[i][0].join(' or ') + '; set it on ' + label + '.');
      }
    }
    var isNew = record.isNewRecord();
    var id = isNew ? '' : record.getUniqueValue();
    if (!isNew && changed.length === 0) {
      tell('as it was', label);
    } else {
      tell((settings.dryRun ? 'would ' : '') + (isNew ? 'make' : 'change'), label + (changed.length ? ' (' + changed.join(', ') + ')' : ''));
      if (!settings.dryRun) {
        id = isNew ? record.insert() : record.update();
        if (!id) {
          byHand(label + ' could not be written; a rule or an ACL of the instance is in the way.');
          return null;
        }
      }
    }
    return { record: record, id: String(id || '') };
  }

  // Empty for what could not be made, or in a dry run was not.
  function idOf(ensured) {
    return ensured ? ensured.id : '';
  }

  // One that is there keeps its name and provider, which may be somebody's own.
  function providerApplication() {
    var TABLE = 'sys_cs_provider_application';
    var conditions = { inbound_id: settings.inboundId };
    var label = 'the provider application ' + OWN;
    var record = settings.inboundId ? find(TABLE, conditions, label) : stockApplication();
    if (record && record.isNewRecord()) {
      var stock = stockApplication();
      return stock && ensure(TABLE, conditions, [[['name'], OWN], [['provider'], stock.getValue('provider')]], label);
    }
    if (record && !record.getValue('provider')) {
      byHand('the provider application names no provider; set up the provider application and its provider yourself.');
      return null;
    }
    return record && { record: record, id: String(record.getUniqueValue()) };
  }

  function stockApplication() {
    var stock = find('sys_cs_provider_application', { name: STOCK }, 'the provider application of the Virtual Agent API (sn_va_as_service)');
    if (!stock) {
      return null;
    }
    if (stock.isNewRecord()) {
      byHand('there is no "' + STOCK + '" in sys_cs_provider_application; install the Virtual Agent API (sn_va_as_service).');
      return null;
    }
    return stock;
  }

  function messageAuthentication(application) {
    if (!settings.messageToken) {
      tell('left alone', 'message authentication, because messageToken is empty: every user is a guest');
      return;
    }
    var token = ensure('token_verification', { name: OWN }, [[['token'], settings.messageToken]], 'the token ' + OWN);
    if (!token) {
      byHand('message authentication, which needs that token, and name it on the provider application.');
      return;
    }
    var values = [[['provider'], application.record.getValue('provider')]];
    if (idOf(token)) {
      values.push([['inbound_message_verification'], idOf(token)]);
    }
    var auth = ensure('message_auth', { name: OWN }, values, 'the message authentication ' + OWN);
    var label = 'message authentication of the provider application';
    if (idOf(application) && idOf(auth)) {
      change('sys_cs_provider_application', { sys_id: idOf(application) }, [[['message_auth'], idOf(auth)]], label);
    } else if (settings.dryRun) {
      tell('would change', label + ' (message_auth)');
    }
  }

  function provider(application) {
    change('sys_cs_provider', { sys_id: application.record.getValue('provider') }, [
      [['maintain_message_ordering', 'message_ordering', 'maintain_ordering'], '1'],
      [['automatic_link_enabled'], '1']
    ], 'order of messages and automatic linking of the provider');
  }

  // Receipts, and our session's id on the interaction, need this.
  function thirdPartyChat(application) {
    var TABLE = 'sys_cs_custom_adapter_property';
    var sample = new GlideRecord(TABLE);
    if (sample.isValid() && !idOf(application) && settings.dryRun) {
      tell('would make', 'the property third_party_chat (value)');
      return;
    }
    if (!sample.isValid() || !idOf(application)) {
      byHand('add the custom adapter property third_party_chat = true to the provider application (Provider Identity Properties).');
      return;
    }
    var owner = referenceTo(sample, 'sys_cs_provider_application');
    if (!owner) {
      byHand(TABLE + ' does not refer to the provider application; add third_party_chat = true under Provider Identity Properties.');
      return;
    }
    var conditions = { name: 'third_party_chat' };
    conditions[owner] = idOf(application);
    ensure(TABLE, conditions, [[['value'], 'true']], 'the property third_party_chat');
  }

  // Whether answers go to another connector already, which would hear nothing any more.
  function isAnothers(table, conditions, field, endpoint) {
    var record = find(table, conditions, 'the address that answers go to');
    var address = record && record.isValidField(field) ? String(record.getValue(field) || '') : '';
    if (address === endpoint || address.slice(-PATH.length) !== PATH) {
      return false;
    }
    byHand('answers go to ' + address + '. Was that this connector, empty the field ' + field + ' of ' + describe(conditions) + ' in ' + table + ' and run this again; is it another one, give this one a REST message or connection of its own.');
    return true;
  }

  // Where answers go: a connection from API 4.1 on, a REST message before.
  function whereAnswersGo() {
    var endpoint = settings.root.replace(/\/*$/, '/') + PATH;
    if (new GlideRecord('sn_va_as_service_outbound_configuration').isValid()) {
      if (!isAnothers('http_connection', { name: 'Bot Connection' }, 'connection_url', endpoint)) {
        change('http_connection', { name: 'Bot Connection' }, [[['connection_url'], endpoint]], 'the address on the Bot Connection');
      }
      byHand('on the Bot Connection, under Attributes, the header token with the value of RESPONSES_TOKEN (its table differs between releases).');
      return;
    }
    if (isAnothers('sys_rest_message', { name: 'VA Bot to Bot' }, 'rest_endpoint', endpoint)) {
      return;
    }
    var message = change('sys_rest_message', { name: 'VA Bot to Bot' }, [[['rest_endpoint'], endpoint]], 'the address on the REST message VA Bot to Bot');
    if (!idOf(message)) {
      return;
    }
    var method = change('sys_rest_message_fn', { rest_message: idOf(message), function_name: 'postMessage' }, [[['rest_endpoint'], endpoint], [['http_method'], 'post']], 'the address on its method postMessage');
    if (idOf(method)) {
      ensure('sys_rest_message_fn_headers', { rest_message_function: idOf(method), name: 'token' }, [[['value'], settings.responsesToken]], 'the header token on postMessage');
    }
  }

  function isReady() {
    var root = settings.root;
    if (!/^https:\/\/[^\s?#]+$/.test(root) || root.indexOf('example.com') >= 0 || root.indexOf('/' + PATH) >= 0) {
      tell('stopped', 'SETTINGS.root must be the connector\'s own root, https://..., without ' + PATH);
      return false;
    }
    if (!settings.responsesToken) {
      tell('stopped', 'SETTINGS.responsesToken is empty: set RESPONSES_TOKEN at the connector, beside RESPONSES_BASIC if that is set, and the same here.');
      return false;
    }
    return true;
  }

  if (isReady()) {
    var application = providerApplication();
    if (application) {
      messageAuthentication(application);
      provider(application);
      thirdPartyChat(application);
      whereAnswersGo();
      tell('next', settings.dryRun ? 'set dryRun to false and run it again' : 'run servicenow/test-webhook.js');
    } else {
      tell('stopped', 'all else hangs on the provider application; run this again when it is there');
    }
  }
  gs.info(NAME + ' set-up\n' + told.join('\n'));
})(SETTINGS);
