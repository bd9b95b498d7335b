//! Controls as Direct Line activities, as Web Chat renders them without extra code.

use serde_json::{Value, json};

mod choices;

use self::choices::choices;
use super::{
    adaptive_card,
    answer::{ANSWER, CONTINUE, SKIP},
    citation,
    link::{carried, resolve, resolve_picture},
    markdown::{destination, escape},
    picture::{self, Picture},
    readable::flat,
    text::{Shown, Voice, plain, shown, shown_markdown},
    texts::Text,
};
use crate::{
    domain::control::{Control, Html, Image, Link, Mask, Moment, MultiPart, Progress, TextInput, Upload},
    wire::{activity::Activity, card},
};

pub use super::{
    answer::{Answer, answer},
    link::RenderContext,
};

/// What a control looks like: the fields of a message activity that show it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendered {
    /// Markdown.
    pub text: Option<String>,
    /// `markdown` whenever there is a text.
    pub text_format: Option<&'static str>,
    pub attachments: Vec<Value>,
    pub attachment_layout: Option<String>,
    /// `expectingInput` for a question.
    pub input_hint: Option<&'static str>,
    /// Shown as its readable text only; to be counted.
    pub degraded: bool,
}

impl Rendered {
    /// Puts this into an activity; what else the activity has stays.
    pub fn fill(self, activity: &mut Activity) {
        let Self { text, text_format, attachments, attachment_layout, input_hint, degraded: _ } = self;
        activity.text = text;
        activity.text_format = text_format.map(str::to_owned);
        activity.attachments = (!attachments.is_empty()).then_some(attachments);
        activity.attachment_layout = attachment_layout;
        if let Some(hint) = input_hint {
            activity.rest.insert("inputHint".to_owned(), Value::from(hint));
        }
    }

    fn text(shown: Shown, context: &RenderContext<'_>) -> Self {
        let Shown { markdown, pictures } = shown;
        let text = (!markdown.trim().is_empty()).then_some(markdown);
        let attachments = pictures.iter().map(|picture| embedded(picture, context)).collect();
        Self { text_format: text.is_some().then_some("markdown"), text, attachments, ..Self::default() }
    }

    fn card(attachment: Value) -> Self {
        Self { attachments: vec![attachment], ..Self::default() }
    }

    fn with(mut self, attachment: Value) -> Self {
        self.attachments.push(attachment);
        self
    }

    /// Offers buttons that stay with the message, below those it has.
    fn offering(mut self, buttons: &[Value]) -> Self {
        let standing = self.attachments.last_mut().filter(|last| card::is_buttons_only(last));
        match standing.and_then(|card| card["content"]["buttons"].as_array_mut()) {
            _ if buttons.is_empty() => {}
            Some(known) => known.extend_from_slice(buttons),
            None => self.attachments.push(card::hero(None, None, None, buttons)),
        }
        self
    }

    fn skippable(self, optional: bool, context: &RenderContext<'_>) -> Self {
        let skip = optional.then(|| choose(context.words.get(Text::Skip), SKIP));
        self.offering(skip.as_slice())
    }
}

/// Shows a control. Everything that can be read in it is in what comes back.
pub fn render(control: &Control, context: &RenderContext<'_>) -> Rendered {
    let rendered = match control {
        Control::Text { text } => Rendered::text(shown(text, context), context),
        Control::Masked(_) => Rendered::text(shown(crate::domain::MASKED, context), context),
        Control::Generated(generated) => Rendered::text(citation::with_sources(generated, context), context),
        Control::Html(html) => rich(html, context),
        Control::Link(link) => Rendered::text(linked(link, context), context),
        Control::Image(image) => picture(image, context),
        Control::Card(card) => Rendered::card(adaptive_card::card(card, context)),
        Control::Table(table) => Rendered::card(adaptive_card::table(table, context)),
        Control::MultiPart(multi) => part(multi, context),
        Control::GroupedParts(grouped) => Rendered::card(adaptive_card::grouped(grouped, context)),
        Control::Progress(progress) => Rendered::text(steps(progress, context), context),
        Control::Choice(choice) => choices(choice, context),
        Control::TextInput(TextInput { prompt, mask: Mask::None, optional, hides: _ }) => {
            let asked = || Shown::ours(context.words.get(Text::MissingWords));
            let prompt = prompt.as_deref().map_or_else(asked, |prompt| shown(prompt, context));
            Rendered::text(prompt, context).skippable(*optional, context)
        }
        Control::TextInput(TextInput { prompt, mask: Mask::Secure | Mask::Sensitive, optional, hides }) => {
            let prompt = prompt.iter().map(|prompt| shown(prompt, context));
            let told = prompt.chain(hides.iter().filter_map(|hidden| match &**hidden {
                Control::Choice(choice) => Some(choices::told(choice, context)),
                _ => None,
            }));
            Rendered::text(Shown::joined(told), context).with(adaptive_card::masked(*optional, context))
        }
        Control::Moment(moment) => {
            let Moment { kind: _, prompt, optional: _ } = moment;
            prompted(prompt.as_deref(), context).with(adaptive_card::moment(moment, context))
        }
        Control::Upload(upload) => asked_for_files(upload, context),
        Control::Degraded { ui_type: _, text } => {
            Rendered { degraded: true, ..Rendered::text(shown(text, context), context) }
        }
    };
    let hint = if control.asks() { "expectingInput" } else { "acceptingInput" };
    Rendered { input_hint: Some(hint), ..rendered }
}

/// A plain label that leads somewhere, as Markdown; as text, with its address, when it can't be followed.
///
/// What an address holds itself is no text either: a picture is where we give it out, anything else is its label.
pub(super) fn link_text(label: &str, url: &str, context: &RenderContext<'_>) -> String {
    let held = picture::media_type(url).map(|_| carried(url, context).unwrap_or_else(|saved| saved));
    let url = held.as_deref().unwrap_or(url);
    let label = if picture::is_data(label) { context.words.get(Text::Open) } else { label };
    let shown = escape(&flat(&plain(label, Voice::Person)));
    match resolve(url, context) {
        Some(resolved) => format!("[{shown}]({})", destination(&resolved)),
        None if label == url || picture::is_data(url) => shown,
        None => format!("{shown} ({})", escape(url)),
    }
}

/// An action that says `label` and means `value`.
fn choose(label: &str, value: &str) -> Value {
    card::message_back(label, &json!({ANSWER: value}))
}

fn prompted(prompt: Option<&str>, context: &RenderContext<'_>) -> Rendered {
    Rendered::text(prompt.map(|prompt| shown(prompt, context)).unwrap_or_default(), context)
}

fn linked(link: &Link, context: &RenderContext<'_>) -> Shown {
    let Link { heading, label, url } = link;
    let label = link_text(if label.is_empty() { url } else { label }, url, context);
    let heading = heading.iter().map(|heading| shown(heading, context));
    Shown::joined(heading.chain([Shown::ours(label)]))
}

fn steps(progress: &Progress, context: &RenderContext<'_>) -> Shown {
    let mut steps = progress.lines().iter().map(|line| shown(line, context)).collect::<Vec<_>>();
    let short = steps.len() > 1 && !steps.iter().any(|step| step.markdown.contains('\n'));
    if short {
        let lines = steps.iter().map(|step| format!("- {}", step.markdown)).collect::<Vec<_>>().join("\n");
        let pictures = steps.iter_mut().flat_map(|step| std::mem::take(&mut step.pictures)).collect();
        return Shown { markdown: lines, pictures };
    }
    Shown::joined(steps)
}

fn part(multi: &MultiPart, context: &RenderContext<'_>) -> Rendered {
    let MultiPart { heading, part, more_label, last } = multi;
    let mut rendered = render(part, context);
    if let Some(heading) = heading {
        let below = Shown::ours(rendered.text.take().unwrap_or_default());
        let Rendered { text, text_format, attachments, .. } =
            Rendered::text(Shown::joined([shown(heading, context), below]), context);
        let attachments = [attachments, rendered.attachments].concat();
        rendered = Rendered { text, text_format, attachments, ..rendered };
    }
    if *last {
        return rendered;
    }
    rendered.offering(&[choose(more_label.as_deref().unwrap_or(context.words.get(Text::More)), CONTINUE)])
}

fn rich(html: &Html, context: &RenderContext<'_>) -> Rendered {
    let Html { markdown, picture: drawn, links } = html;
    let body = shown_markdown(markdown, context);
    let empty = body.markdown.trim().is_empty() && body.pictures.is_empty();
    let drawn = drawn.as_deref().filter(|_| empty);
    let attachment = drawn.and_then(|url| image_attachment(url, context.words.get(Text::Picture), context));
    let instead = drawn.filter(|_| attachment.is_none());
    let instead = instead.map(|url| Shown::ours(link_text(context.words.get(Text::Picture), url, context)));
    let links = links.iter().map(|link| linked(link, context));
    let mut rendered = Rendered::text(Shown::joined([body].into_iter().chain(links).chain(instead)), context);
    rendered.attachments.extend(attachment);
    rendered
}

fn picture(image: &Image, context: &RenderContext<'_>) -> Rendered {
    let Image { url, alt, caption } = image;
    let name = alt.as_deref().unwrap_or(context.words.get(Text::Picture));
    match image_attachment(url, name, context) {
        Some(attachment) => prompted(caption.as_deref(), context).with(attachment),
        None => {
            let caption = caption.iter().map(|caption| shown(caption, context));
            let instead = Shown::ours(link_text(name, url, context));
            Rendered::text(Shown::joined(caption.chain([instead])), context)
        }
    }
}

/// A picture that stood in a text.
fn embedded(picture: &Picture, context: &RenderContext<'_>) -> Value {
    let name = picture.alt.as_deref().unwrap_or(context.words.get(Text::Picture));
    match carried(&picture.url, context) {
        Ok(url) => card::media(picture.media_type(), &url, name),
        Err(saved) => card::media("application/octet-stream", &saved, name),
    }
}

fn image_attachment(url: &str, name: &str, context: &RenderContext<'_>) -> Option<Value> {
    let resolved = resolve_picture(url, context)?;
    Some(card::media(image_type(url), &resolved, name))
}

/// The media type an address suggests; browsers look into the picture itself.
fn image_type(url: &str) -> &str {
    if let Some(known) = picture::media_type(url) {
        return known;
    }
    let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    match path.rsplit('.').next() {
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("svg") => "image/svg+xml",
        _ => "image/png",
    }
}

fn asked_for_files(upload: &Upload, context: &RenderContext<'_>) -> Rendered {
    let Upload { prompt, max_count, max_megabytes, pictures_only, optional, only_told } = upload;
    let asked = || if *only_told { Shown::default() } else { Shown::ours(context.words.get(Text::Upload)) };
    let prompt = prompt.as_deref().map_or_else(asked, |prompt| shown(prompt, context));
    let limits = context.words.upload_limits(*pictures_only, *max_count, *max_megabytes).map(Shown::ours);
    Rendered::text(Shown::joined([prompt].into_iter().chain(limits)), context).skippable(*optional, context)
}

#[cfg(test)]
mod tests;
