// The one file to edit.
window.CHAT = {
  // Where the connector is reached.
  connector: "https://connector.example.com",
  // Copilot Studio: Channels, Email or Mobile app, Token Endpoint.
  tokenEndpoint: "https://environment.example.com/powervirtualagents/botsbyschema/cr001_guide/directline/token?api-version=2022-03-01-preview",
  // `dist/webchat.js` of the npm package botframework-webchat, beside this page or anywhere else.
  webChat: "webchat.js",
  // Where the connector offers a web socket: everywhere but in the Functions host.
  webSocket: false,
};
