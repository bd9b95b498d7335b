//! Goes over the conversations that wait for something.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tracing::{info, warn};

use super::{deliver::deliver_soon, entry::Entry, journal::JournalError, machine::Machine, role::Role};
use crate::domain::ConversationId;

/// Conversations looked at at the same time: a blob store answers each in milliseconds, and there may be thousands.
const AT_ONCE: usize = 16;

/// What the open conversations are like at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Conversations the sweep looked at.
    pub open: usize,
    /// Of these, the ones in which somebody speaks.
    pub live: usize,
    /// Calls that a far end has not taken yet.
    pub undelivered: usize,
    /// Milliseconds since the oldest of them was stored; 0 without any.
    pub oldest_millis: i64,
}

/// Looks at every open conversation once, and delivers what waits. `look_after`: what else the role does for one; whether
/// somebody speaks in it.
///
/// # Errors
/// When the open conversations can't be listed. One that fails by itself is logged and passed over.
pub async fn sweep<R: Role, F: Future<Output = Result<bool, JournalError>>>(
    role: &Arc<R>,
    look_after: impl Fn(Arc<Entry<R::Machine>>) -> F,
) -> Result<Looked, JournalError> {
    let open = role.ledger().journal.open().await?;
    let look_after = &look_after;
    let mut swept = Looked { open: open.len(), ..Looked::default() };
    let looks = open.into_iter().map(|id| async move {
        look_at(role, &id, look_after).await.unwrap_or_else(|error| {
            warn!(conversation.id = %id, %error, "A conversation could not be looked after; the next sweep tries again");
            Looked::default()
        })
    });
    let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
    while let Some(looked) = looks.next().await {
        swept.live += looked.live;
        swept.undelivered += looked.undelivered;
        swept.oldest_millis = swept.oldest_millis.max(looked.oldest_millis);
    }
    Ok(swept)
}

async fn look_at<R: Role, F: Future<Output = Result<bool, JournalError>>>(
    role: &Arc<R>,
    id: &ConversationId,
    look_after: &impl Fn(Arc<Entry<R::Machine>>) -> F,
) -> Result<Looked, JournalError> {
    let ledger = role.ledger();
    let Some(mut entry) = ledger.look_into(id).await? else {
        return note_closed(role, id, 0).await.map(|()| Looked::default());
    };
    if !R::Machine::outbox(&*entry.state().await).is_empty() {
        entry = ledger.remember(entry);
    }
    let live = look_after(entry.clone()).await?;
    let (position, open, looked) = {
        let state = entry.state().await;
        let waiting =
            || R::Machine::outbox(&state).iter().map(|queued| ledger.now().millis_since(queued.since));
        let looked = Looked {
            live: usize::from(live),
            undelivered: waiting().count(),
            oldest_millis: waiting().fold(0, i64::max),
            ..Looked::default()
        };
        (R::Machine::position(&state), R::Machine::is_open(&state), looked)
    };
    if open {
        deliver_soon(role, &entry);
    } else {
        note_closed(role, id, position).await?;
    }
    Ok(looked)
}

/// A crash left it listed as open. When it has moved meanwhile, the next sweep looks again.
async fn note_closed<R: Role>(role: &Arc<R>, id: &ConversationId, position: u64) -> Result<(), JournalError> {
    role.ledger().journal.append(id, position, &[], Some(false)).await.map(drop)
}

impl Looked {
    /// Of all instances together, since the journal is theirs together; nothing when nothing is open.
    pub fn log(&self) {
        let Self { open, live, undelivered, oldest_millis } = *self;
        if open > 0 {
            info!(
                open,
                open_chats = live,
                undelivered,
                oldest_undelivered_ms = oldest_millis,
                "Looked after what is open"
            );
        }
    }
}
