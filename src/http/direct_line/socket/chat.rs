//! Once a person was asked for: the journal as it is stored, and when the bot is back, its words pushed behind the same socket.

use std::{rc::Rc, sync::Arc, time::Duration};

use reqwest::header::HeaderMap;
use tokio::time::Instant;
use tracing::{Instrument as _, debug, warn};

use super::{
    Place, Socket,
    client::End,
    line::{Event, Line, Opening},
    shown::is_passing,
};
use crate::{
    handoff::{Asked, BotWords, Client, Conversation, Handoff, Page, Standing},
    ledger::journal::JournalError,
    telemetry::on_behalf,
    translate::watermark::Cursor,
    wire::activity::{ActivitySet, SetRead},
};

/// How long one look at the journal may be held; and how often it is asked whether the client may still read.
const HOLD: Duration = Duration::from_secs(15);
/// A store that fails is asked again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// The socket in a live chat.
struct Chat<'a> {
    socket: &'a Rc<Socket>,
    handoff: &'a Arc<Handoff>,
    conversation: Arc<Conversation>,
    watermark: Option<String>,
    /// What the bot says, in the stretch with this number.
    line: Option<(usize, Line)>,
}

enum News {
    Page(Page),
    Bot(Event),
}

impl Socket {
    /// Until the conversation is forgotten.
    pub(super) async fn chat(self: &Rc<Self>, watermark: Option<String>) -> Result<Place, End> {
        let Some(handoff) = &self.served.handoff else { return Err(End::Failed) };
        let Some(conversation) = handoff.ledger.find(&self.id).await.map_err(|_| End::Failed)? else {
            return Err(End::Refused);
        };
        let mut chat = Chat { socket: self, handoff, conversation, watermark, line: None };
        let mut asked = Instant::now();
        loop {
            if asked.elapsed() > HOLD {
                chat.check_standing().await?;
                asked = Instant::now();
            }
            match chat.news().await {
                Ok(Some(News::Page(page))) => chat.show(page).await?,
                Ok(Some(News::Bot(event))) => chat.hear_bot(event).await?,
                Ok(None) => {}
                Err(JournalError::Shorter { .. }) => return Err(End::Refused),
                Err(error) => {
                    debug!(conversation.id = %self.id, %error, "The store can't be read; the web socket waits");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}

impl Chat<'_> {
    /// The client's token may have ended, or its conversation been erased; what we speak to the bot with ends as well.
    async fn check_standing(&self) -> Result<(), End> {
        let caller = self.socket.token.caller();
        if let Ok(Standing::Refused { .. }) = self.handoff.tokens.standing(&self.conversation, &caller).await
        {
            return Err(End::Refused);
        }
        if let Some((stretch, _)) = &self.line {
            let client = Client { conversation: &self.conversation, caller: &caller };
            self.handoff.reading.keep_bot(client, *stretch).await;
        }
        Ok(())
    }

    /// Waits for what there is to show; `None` when the client has read more, or after a while.
    async fn news(&mut self) -> Result<Option<News>, JournalError> {
        let mut reads = self.socket.client.reads();
        let read = *reads.borrow_and_update();
        let stretch = self.line.as_ref().map(|(stretch, _)| *stretch);
        let asked = Asked {
            watermark: self.watermark.as_deref(),
            read: Some(read),
            hold: HOLD,
            bot: BotWords::Pushed(stretch),
        };
        let caller = self.socket.token.caller();
        let client = Client { conversation: &self.conversation, caller: &caller };
        let page = self.handoff.reading.page(client, &asked);
        let bot = async {
            match &mut self.line {
                Some((_, line)) => line.event().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            event = bot => Ok(Some(News::Bot(event))),
            page = page => page.map(|page| Some(News::Page(page))),
            _ = reads.changed() => Ok(None),
        }
    }

    async fn show(&mut self, page: Page) -> Result<(), End> {
        let stretch = page.bot;
        self.push(page).await?;
        if stretch != self.line.as_ref().map(|(stretch, _)| *stretch) {
            self.line = stretch.map(|stretch| (stretch, Line::new()));
        }
        Ok(())
    }

    async fn push(&mut self, mut page: Page) -> Result<(), End> {
        self.socket.shown.borrow_mut().retain(&mut page.activities);
        let watermark = page.watermark.clone();
        if !page.activities.is_empty() {
            // As in the bot phase, one with nothing but typing may have waited while more was read.
            let passing = page.activities.iter().all(|activity| activity.get("type").is_some_and(is_passing));
            page.watermark.take_if(|_| passing);
            let frame = serde_json::to_string(&page).unwrap_or_default();
            let position = Cursor::read(watermark.as_deref()).local;
            // Who does not read is waited for with the frame alone.
            drop(page);
            self.socket.client.send(frame, Some(position)).await?;
        }
        self.watermark = watermark.or(self.watermark.take());
        Ok(())
    }

    async fn hear_bot(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Open => {
                let opening = self.opening();
                if let Some((_, line)) = &mut self.line {
                    line.open(opening);
                }
                Ok(())
            }
            // What is polled may tell that the bot now speaks in another stretch.
            Event::Opened => self.poll().await.map(drop),
            Event::Poll => {
                let answered = self.poll().await?;
                if let Some((_, line)) = &mut self.line {
                    line.after_poll(answered);
                }
                Ok(())
            }
            Event::Frame(frame) => self.hear_frame(&frame).await,
        }
    }

    async fn hear_frame(&mut self, frame: &str) -> Result<(), End> {
        let id = &self.socket.id;
        let set = match ActivitySet::read(frame.as_bytes()) {
            Ok(SetRead { set, lost }) => {
                if lost > 0 {
                    warn!(conversation.id = %id, lost, "Parts of what Direct Line answered can't be read; the others are used");
                }
                set
            }
            Err(why) => {
                warn!(conversation.id = %id, %why, "A frame of Direct Line's can't be looked into; what stood in it is polled for");
                if let Some((_, line)) = &mut self.line {
                    line.drop_socket();
                }
                return Ok(());
            }
        };
        let caller = self.socket.token.caller();
        let client = Client { conversation: &self.conversation, caller: &caller };
        match self.handoff.reading.pushed(client, self.watermark.as_deref(), set).await {
            Ok(page) => {
                let speaks = page.bot.is_some();
                self.push(page).await?;
                if !speaks {
                    self.line = None;
                }
            }
            Err(error) => {
                debug!(conversation.id = %id, %error, "A hand-off can't be stored; the bot's words are read again");
                tokio::time::sleep(AGAIN).await;
                if let Some((_, line)) = &mut self.line {
                    line.drop_socket();
                }
            }
        }
        Ok(())
    }

    /// Direct Line's socket in the bot's stretch.
    fn opening(&self) -> Opening {
        let (socket, handoff, conversation) =
            (self.socket.clone(), self.handoff.clone(), self.conversation.clone());
        let (watermark, trace) = (self.watermark.clone(), socket.trace.clone());
        let open = async move {
            let caller = socket.token.caller();
            let client = Client { conversation: &conversation, caller: &caller };
            let url = handoff.reading.bot_stream(client, watermark.as_deref()).await?;
            let opened = socket.pipe.direct_line().stream(url, HeaderMap::new()).await;
            opened
                .inspect_err(|error| {
                    debug!(conversation.id = %socket.id, %error, "Direct Line's socket can't be opened; the bot is polled");
                })
                .ok()
        };
        Opening::begin(on_behalf(trace, open).in_current_span())
    }

    /// A poll, the bot's words included, with all its parts; whether it was answered.
    async fn poll(&mut self) -> Result<bool, End> {
        loop {
            let (read, watermark) = (Some(self.socket.client.read()), self.watermark.as_deref());
            let asked = Asked { watermark, read, hold: Duration::ZERO, bot: BotWords::Polled };
            let caller = self.socket.token.caller();
            let client = Client { conversation: &self.conversation, caller: &caller };
            let Ok(page) = self.handoff.reading.page(client, &asked).await else { return Ok(false) };
            let (is_part, is_empty) = (page.is_part(), page.activities.is_empty());
            self.show(page).await?;
            if !is_part {
                return Ok(true);
            }
            if is_empty {
                // What a socket tells comes behind the parts that are still to be read.
                if let Some((_, line)) = &mut self.line {
                    line.drop_socket();
                }
                return Ok(false);
            }
        }
    }
}
