// Microsoft's Web Chat beside the connector. Each piece is explained in docs/web-chat.md and can be left out.
"use strict";
const { connector = location.origin, tokenEndpoint, webChat = "webchat.js", webSocket = false } = window.CHAT;
const DIRECT_LINE = connector.replace(/\/$/, "") + "/v3/directline";
const KEPT = "web-chat";
const $ = id => document.getElementById(id);

// ---- language and direction ------------------------------------------------------------------

const locale = navigator.language || "en-US";
const texts = pick(locale);

// "de-AT" finds "de"; Chinese is told by its script.
function pick(wanted) {
  const tried = [wanted, wanted.split("-")[0], /^zh\b/i.test(wanted) && "zh-Hans", /^pt\b/i.test(wanted) && "pt-BR", "en"];
  const known = tried.find(name => name && Object.hasOwn(window.TEXTS, name));
  document.documentElement.lang = known === "en" && !/^en\b/i.test(wanted) ? "en" : wanted;
  document.dir = /^(ar|dv|fa|he|ps|ur|yi)\b/i.test(wanted) && known !== "en" ? "rtl" : "ltr";
  return window.TEXTS[known];
}

// ---- the conversation survives a reload ------------------------------------------------------

let talk = null; // { directLine, userId }

function keep() {
  if (!talk?.directLine.conversationId) return;
  const { conversationId, token } = talk.directLine;
  sessionStorage.setItem(KEPT, JSON.stringify({ conversationId, token, userId: talk.userId }));
}

function kept() {
  try { return JSON.parse(sessionStorage.getItem(KEPT)); } catch { return null; }
}

// Web Chat renews its token by itself; what is kept must keep step.
setInterval(keep, 30_000);
addEventListener("pagehide", keep);

class Refused extends Error {
  constructor(status) { super("status " + status); this.status = status; }
}

async function json(url, options) {
  const answer = await fetch(url, { cache: "no-store", ...options });
  if (!answer.ok) throw new Refused(answer.status);
  return answer.json();
}

// Goes on with the conversation of before, with a fresh token for it; null when it is over or forgotten.
async function resumed() {
  const before = kept();
  if (!before?.token) return null;
  try {
    const headers = { Authorization: "Bearer " + before.token };
    const { token } = await json(DIRECT_LINE + "/tokens/refresh", { method: "POST", headers });
    return { ...before, token };
  } catch (error) {
    if (error instanceof Refused && [401, 403, 404].includes(error.status)) return null;
    throw error;
  }
}

async function started() {
  sessionStorage.removeItem(KEPT);
  const { token } = await json(tokenEndpoint);
  return { token, userId: crypto.randomUUID() };
}

// ---- pieces of Web Chat ----------------------------------------------------------------------

// What React.createElement makes; Web Chat's bundle does not give its React away.
const element = (type, props, ...children) =>
  ({ $$typeof: Symbol.for("react.element"), type, key: null, ref: null, props: children.length ? { ...props, children } : props, _owner: null });

const servicenow = activity => activity?.channelData?.servicenow;
const isPerson = activity => Boolean(servicenow(activity)?.sentFromAgent);
const isSystem = ({ type, attachments = [], suggestedActions, ...activity }) =>
  type === "message" && servicenow(activity)?.system && !attachments.length && !suggestedActions?.actions?.length;

const isEnd = activity => activity?.type === "endOfConversation" && activity.from?.role !== "user";

// Whoever speaks in a row is one group, with one picture and one name. For Web Chat all but the user are one.
const speaker = activity => activity.from?.role === "user" ? "user"
  : isSystem(activity) ? "system" : isPerson(activity) ? "person " + activity.from?.name : "bot";
const first = new Set();
const groups = () => next => ({ activities }) => {
  const sender = [];
  for (const activity of activities) {
    const group = sender.at(-1);
    if (group && speaker(group[0]) === speaker(activity)) group.push(activity);
    else sender.push([activity]);
  }
  first.clear();
  sender.forEach(([activity]) => first.add(activity.id));
  return { ...next({ activities }), sender };
};

// ServiceNow's lines are Markdown, which Web Chat sanitises; ours are plain text, and have in them what people typed.
const read = ({ text, textFormat }) => textFormat === "plain" ? { children: text, style: { whiteSpace: "pre-line" } }
  : { dangerouslySetInnerHTML: { __html: WebChat.renderMarkdown(text || "", { markdownRespectCRLF: true }, { externalLinkAlt: "" }) } };

// People have their name above their words; what nobody says is a thin line in the middle. A Copilot Studio agent sends
// traces of what it does, which Web Chat can't draw.
const activities = () => next => (...args) => {
  const [{ activity }] = args;
  if (activity.type === "trace") return false;
  if (isEnd(activity)) return () => element("div", { className: "system" }, texts.over);
  if (isSystem(activity)) return () => element("div", { className: "system", dir: "auto", ...read(activity) });
  const draw = next(...args);
  if (!draw || !isPerson(activity)) return draw;
  return (...more) => element("div", { className: "person" },
    first.has(activity.id) && element("div", { className: "person-name" }, element("bdi", {}, activity.from?.name || "")), draw(...more));
};

const avatars = () => next => (...args) => {
  const [{ activity, fromUser }] = args;
  if (fromUser || !isPerson(activity)) return next(...args);
  const name = activity.from?.name || "?", picture = servicenow(activity).agentAvatar;
  const initials = name.split(/\s+/).filter(Boolean).slice(0, 2).map(word => [...word][0].toUpperCase()).join("");
  return () => element("div", { className: "face", "aria-hidden": "true" },
    picture ? element("img", { src: picture, alt: "" }) : initials);
};

// A question that has had its answer can't be answered again: its number stands in the question, and in the echo of
// the answer, be it a click or words.
const answered = new Set();
const noticing = directLine => () => next => action => {
  const activity = action.type === "DIRECT_LINE/INCOMING_ACTIVITY" ? action.payload.activity : null;
  const told = servicenow(activity)?.answers;
  if (Number.isInteger(told) && !answered.has(told)) {
    answered.add(told);
    queueMicrotask(show);
  }
  // Nothing follows; the next visit starts afresh.
  if (isEnd(activity) && talk?.directLine === directLine) { sessionStorage.removeItem(KEPT); talk = null; }
  return next(action);
};
// A function of its own for each look, so that Web Chat draws the cards again. The copy is what React.cloneElement makes.
const cards = () => () => next => options => {
  const card = next(options);
  const off = answered.has(servicenow(options.activity)?.question);
  return card?.props && off ? { ...card, props: { ...card.props, disabled: true } } : card;
};

// As Copilot Studio's own pages do: the agent greets when it is told that somebody is there. Not again after a reload.
const greeting = greets => ({ dispatch }) => next => action => {
  if (action.type === "DIRECT_LINE/CONNECT_FULFILLED") {
    keep();
    if (greets) dispatch({
      type: "DIRECT_LINE/POST_ACTIVITY",
      meta: { method: "keyboard" },
      payload: { activity: { type: "event", name: "startConversation", localTimezone: Intl.DateTimeFormat().resolvedOptions().timeZone } },
    });
  }
  return next(action);
};

const dark = matchMedia("(prefers-color-scheme: dark)");
function look() {
  const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return {
    accent: colour("--accent"), backgroundColor: colour("--page"), subtle: colour("--quiet"), timestampColor: colour("--quiet"),
    bubbleBackground: colour("--bot"), bubbleTextColor: colour("--text"), bubbleBorderRadius: 12, bubbleBorderWidth: 0,
    bubbleFromUserBackground: colour("--accent"), bubbleFromUserTextColor: colour("--on-accent"), bubbleFromUserBorderRadius: 12,
    bubbleFromUserBorderWidth: 0, sendBoxBackground: colour("--page"), sendBoxTextColor: colour("--text"),
    sendBoxPlaceholderColor: colour("--quiet"), sendBoxButtonColor: colour("--quiet"), sendBoxBorderTop: "solid 1px " + colour("--line"),
    suggestedActionBackgroundColor: colour("--page"), suggestedActionTextColor: colour("--accent"), suggestedActionBorderColor: colour("--accent"),
    suggestedActionBorderRadius: 16, suggestedActionBorderWidth: 1, cardEmphasisBackgroundColor: colour("--bot"),
    transcriptActivityVisualKeyboardIndicatorColor: colour("--accent"), botAvatarInitials: "BOT", userAvatarInitials: "",
    botAvatarBackgroundColor: colour("--accent"), avatarSize: 40,
  };
}

// ---- the page --------------------------------------------------------------------------------

let show = () => {};
dark.addEventListener("change", () => show());

function tell(text) {
  $("trouble").hidden = !text;
  $("trouble").firstElementChild.textContent = text || "";
}

function loadWebChat() {
  if (window.WebChat) return Promise.resolve();
  return new Promise((loaded, failed) => {
    const script = Object.assign(document.createElement("script"), { src: webChat, onload: loaded });
    script.onerror = () => failed(new Error(texts.noScript));
    document.head.append(script);
  });
}

async function start() {
  $("fresh").disabled = true;
  tell("");
  try {
    await loadWebChat();
    const before = await resumed();
    const { token, conversationId, userId } = before || await started();
    // A connector in the Functions host offers no socket, and Web Chat asks for one unless it is told.
    const directLine = WebChat.createDirectLine({ domain: DIRECT_LINE, token, conversationId, webSocket, streaming: webSocket });
    talk = { directLine, userId };
    answered.clear();
    // A new place for a new conversation: nothing of the old one stays in it.
    const place = document.createElement("div");
    place.id = "webchat";
    $("webchat").replaceWith(place);
    const props = {
      directLine, userID: userId, locale, dir: document.dir,
      store: WebChat.createStore({}, greeting(!before), noticing(directLine)),
      activityMiddleware: activities, avatarMiddleware: avatars, groupActivitiesMiddleware: groups, sendTypingIndicator: true,
    };
    show = () => WebChat.renderWebChat({ ...props, attachmentMiddleware: cards(), styleOptions: look() }, place);
    show();
  } catch (error) {
    tell(error.message === texts.noScript ? texts.noScript : `${texts.unreachable} (${error.message})`);
  }
  $("fresh").disabled = false;
}

// The one that is left behind is ended, so that nobody waits in it.
function fresh() {
  const before = talk;
  talk = null;
  sessionStorage.removeItem(KEPT);
  if (before) {
    const over = { type: "endOfConversation", from: { id: before.userId, role: "user" } };
    const ended = () => before.directLine.end();
    before.directLine.postActivity(over).subscribe({ next: ended, error: ended });
  }
  start();
}

document.title = $("title").textContent = texts.title;
$("fresh").textContent = texts.fresh;
$("fresh").addEventListener("click", fresh);
$("trouble").lastElementChild.textContent = texts.again;
$("trouble").lastElementChild.addEventListener("click", start);
start();
