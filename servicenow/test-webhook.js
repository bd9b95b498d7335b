// Calls the connector's webhook from the instance, without a credential and with it, and says what the answers mean: so that
// what stands between the two (DNS, proxy, firewall, the platform's own login) is found before the first chat.
// Paste it into System Definition > Scripts - Background, fill in SETTINGS, run it. It changes nothing and prints no secret.
//
// It was run against stand-ins of the platform's objects (tests/servicenow), never on an instance.

var SETTINGS = {
  // The connector's root, as PUBLIC_URL.
  root: 'https://handoff.example.com/',
  // What the connector has as RESPONSES_TOKEN, or as RESPONSES_BASIC (`user:password`): one of them.
  responsesToken: '',
  responsesBasic: ''
};

(function testWebhook(settings) {
  var endpoint = settings.root.replace(/\/*$/, '/') + 'api/servicenow/responses';
  var told = [];
  var wrong = 0;

  function expect(isRight, right, otherwise) {
    wrong += isRight ? 0 : 1;
    told.push((isRight ? 'ok: ' : 'wrong: ') + (isRight ? right : otherwise));
  }

  // No session is named, so that no conversation can be meant.
  function call(token, basic) {
    try {
      var request = new sn_ws.RESTMessageV2();
      request.setEndpoint(endpoint);
      request.setHttpMethod('post');
      request.setHttpTimeout(10000);
      request.setRequestHeader('Content-Type', 'application/json');
      if (token) {
        request.setRequestHeader('token', token);
      }
      if (basic) {
        request.setBasicAuth(basic.split(':')[0], basic.split(':').slice(1).join(':'));
      }
      request.setRequestBody('{}');
      var response = request.execute();
      return { status: Number(response.getStatusCode()), body: String(response.getBody() || ''), error: String(response.getErrorMessage() || '') };
    } catch (failure) {
      return { status: 0, body: '', error: String(failure.message || failure) };
    }
  }

  function meaning(answer) {
    if (answer.status === 0) {
      return 'the instance can\'t reach it (' + answer.error + '): look at its name, the certificate, and the outbound proxy';
    }
    if (answer.status === 401) {
      return 'it refuses the credential: RESPONSES_TOKEN or RESPONSES_BASIC there is another one, or the platform in front asks for a login of its own';
    }
    if (answer.status === 503) {
      return 'it is closed (neither RESPONSES_TOKEN nor RESPONSES_BASIC is set there) or its store can\'t be used: `handler doctor` says which';
    }
    if (answer.status === 404) {
      return 'nothing is there: compare root with PUBLIC_URL, and look whether the package is deployed';
    }
    return 'it answers with status ' + answer.status + ', which the connector does not: something else is at this address';
  }

  if (!settings.responsesToken && !settings.responsesBasic) {
    expect(false, '', 'SETTINGS.responsesToken and SETTINGS.responsesBasic are empty');
  } else {
    var stranger = call('');
    expect(stranger.status === 401 && stranger.body.indexOf('"Unauthorized"') >= 0, 'a stranger is refused (401), by the connector itself', 'without a credential: ' + (stranger.status === 401 ? 'something in front of the connector asks for a login' : meaning(stranger)));
    var known = call(settings.responsesToken, settings.responsesBasic);
    expect(known.status === 200, 'the credential is let in (200)', 'with the credential: ' + meaning(known));
  }
  gs.info('servicenow-handoff webhook ' + endpoint + '\n' + told.join('\n') + '\n' + (wrong ? 'Not ready.' : 'Ready.'));
})(SETTINGS);
