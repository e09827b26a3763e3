//! Whose TLS handshake is next.
//!
//! The arithmetic of a full handshake takes as long as several answers from memory, and anybody can ask
//! for it. So only as many are computed at once as there are cores, half of that for one address, and
//! between two of them everybody gets his turn who has been let in before: a crowd of newcomers waits,
//! which costs nothing, and calls on kept connections go on. One address cannot hold up the others: of
//! each, only so many are in the common queue as may be computed at once.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::yield_now;

/// One provider's customer has 64 bits of IPv6 to himself, and is one address here.
const OF_A_CUSTOMER: u128 = !0 << 64;

/// The turns of one listener.
#[derive(Debug)]
pub(super) struct Turns {
    common: Arc<Semaphore>,
    per_address: usize,
    queues: Mutex<HashMap<IpAddr, Queue>>,
}

#[derive(Debug)]
struct Queue {
    turns: Arc<Semaphore>,
    /// Those who wait in it or have their turn. Without any the address is forgotten.
    handshakes: usize,
}

impl Turns {
    /// As many as this machine has cores.
    pub(super) fn new() -> Self {
        Self::so_many(available_parallelism().map_or(1, NonZero::get))
    }

    fn so_many(at_once: usize) -> Self {
        Self {
            common: Arc::new(Semaphore::new(at_once)),
            per_address: at_once.div_ceil(2),
            queues: Mutex::default(),
        }
    }

    /// Waits for the turn of a handshake from `address`.
    pub(super) async fn take(&self, address: IpAddr) -> Turn<'_> {
        let address = customer(address);
        let turns = {
            let mut queues = lock(&self.queues);
            let queue = queues.entry(address).or_insert_with(|| Queue {
                turns: Arc::new(Semaphore::new(self.per_address)),
                handshakes: 0,
            });
            queue.handshakes += 1;
            Arc::clone(&queue.turns)
        };
        let entry = Entry { turns: self, address };
        // Neither is ever closed, so that there is always a permit.
        let of_address = turns.acquire_owned().await.ok();
        let of_all = Arc::clone(&self.common).acquire_owned().await.ok();
        Turn { _of_all: of_all, _of_address: of_address, _entry: entry }
    }
}

/// The right to compute.
#[must_use = "dropped at once, somebody else computes at the same time"]
pub(super) struct Turn<'a> {
    _of_all: Option<OwnedSemaphorePermit>,
    _of_address: Option<OwnedSemaphorePermit>,
    _entry: Entry<'a>,
}

impl Turn<'_> {
    /// Gives it to the next one, once everybody who has something to do by now has done it.
    pub(super) async fn over(self) {
        yield_now().await;
    }
}

/// One handshake in its address's queue.
struct Entry<'a> {
    turns: &'a Turns,
    address: IpAddr,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut queues = lock(&self.turns.queues);
        if let Some(queue) = queues.get_mut(&self.address) {
            queue.handshakes -= 1;
            if queue.handshakes == 0 {
                queues.remove(&self.address);
            }
        }
    }
}

fn customer(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & OF_A_CUSTOMER).into(),
    }
}

/// Nothing here is left half done by a panic elsewhere.
fn lock(queues: &Mutex<HashMap<IpAddr, Queue>>) -> MutexGuard<'_, HashMap<IpAddr, Queue>> {
    queues.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    async fn soon<'a>(taking: impl Future<Output = Turn<'a>>) -> Option<Turn<'a>> {
        timeout(Duration::from_millis(1), taking).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_computes_half_of_what_all_compute_and_the_rest_of_it_waits() {
        let turns = Turns::so_many(4);
        let flood = address("192.0.2.1");
        let (first, _second) = (turns.take(flood).await, turns.take(flood).await);

        assert!(soon(turns.take(flood)).await.is_none());
        let _other = soon(turns.take(address("192.0.2.2"))).await.unwrap();

        first.over().await;
        assert!(soon(turns.take(flood)).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_from_one_address_is_passed_by_whoever_comes_from_another() {
        let turns = Arc::new(Turns::so_many(1));
        let (flood, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let first = turns.take(flood).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (who, address) in (0..100).map(|_| ("flood", flood)).chain([("other", other)]) {
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let turn = turns.take(address).await;
                order.lock().unwrap().push(who);
                turn.over().await;
            }));
            yield_now().await;
        }

        first.over().await;
        for task in tasks {
            task.await.unwrap();
        }

        let place = order.lock().unwrap().iter().position(|who| *who == "other").unwrap();
        assert!(place <= 1, "{place}");
        assert!(lock(&turns.queues).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn between_two_turns_everybody_else_who_is_ready_gets_on() {
        let turns = Arc::new(Turns::so_many(1));
        let first = turns.take(address("192.0.2.1")).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let next = tokio::spawn({
            let (turns, order) = (Arc::clone(&turns), Arc::clone(&order));
            async move {
                let _turn = turns.take(address("192.0.2.2")).await;
                order.lock().unwrap().push("handshake");
            }
        });
        yield_now().await;
        let call = tokio::spawn({
            let order = Arc::clone(&order);
            async move { order.lock().unwrap().push("call") }
        });

        first.over().await;
        next.await.unwrap();
        call.await.unwrap();

        assert_eq!(*order.lock().unwrap(), ["call", "handshake"]);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_leaves_nothing_behind() {
        let turns = Turns::so_many(2);
        let flood = address("192.0.2.1");
        let turn = turns.take(flood).await;
        assert!(soon(turns.take(flood)).await.is_none());

        drop(turn);

        assert!(lock(&turns.queues).is_empty());
        assert_eq!(turns.common.available_permits(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_addresses_of_one_ipv6_network_are_one() {
        let turns = Turns::so_many(2);
        let _one = turns.take(address("2001:db8::1")).await;

        assert!(soon(turns.take(address("2001:db8::2"))).await.is_none());
        assert!(soon(turns.take(address("2001:db8:0:1::1"))).await.is_some());
    }
}
