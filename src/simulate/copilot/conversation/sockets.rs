//! A conversation's sockets: one at a time is served, and pushed what is said.

use std::sync::atomic::Ordering::Relaxed;

use tokio::sync::watch;

use super::Conversation;

impl Conversation {
    /// What a new socket is pushed first, and where it goes on.
    pub fn begin(&self, watermark: &str) -> (Option<String>, usize) {
        let said = self.said();
        let from = self.position(watermark).filter(|at| *at <= said.visible.len()).unwrap_or(0);
        let backlog: Vec<&str> = said.visible[from..].iter().map(|entry| entry.json.as_str()).collect();
        let frame = (!backlog.is_empty()).then(|| self.set(&backlog, said.visible.len()));
        (frame, said.pushed.len())
    }

    /// The frames from `from` on.
    pub fn frames(&self, from: usize) -> Vec<String> {
        let said = self.said();
        let frame = |(activity, at): &(String, usize)| {
            let mut frame = self.set(&[activity], *at);
            if self.garbled.swap(false, Relaxed) {
                frame.truncate(frame.find("\"id\"").unwrap_or_default());
            }
            frame
        };
        said.pushed[from..].iter().map(frame).collect()
    }

    pub fn moved(&self) -> watch::Receiver<usize> {
        self.moved.subscribe()
    }

    /// A socket begins: the one before is to end, because a conversation has one.
    pub fn take_socket(&self) -> (u64, watch::Receiver<u64>) {
        let mut number = 0;
        self.socket.send_modify(|socket| {
            *socket += 1;
            number = *socket;
        });
        (number, self.socket.subscribe())
    }

    /// Ends the sockets of the conversation; how many there were.
    pub fn drop_sockets(&self) -> usize {
        let open = self.open_sockets();
        self.socket.send_modify(|socket| *socket += 1_000_000);
        open
    }

    /// From now on the socket of the conversation says nothing and answers nothing, and stays open; the next one is as usual.
    pub fn silence_socket(&self) {
        self.silent.send_replace(*self.socket.borrow());
    }

    /// Of the next frame only the beginning comes.
    pub fn garble_frame(&self) {
        self.garbled.store(true, Relaxed);
    }

    pub fn silenced(&self) -> watch::Receiver<u64> {
        self.silent.subscribe()
    }

    pub fn open_sockets(&self) -> usize {
        self.socket.receiver_count()
    }
}
