//! How many connections there may be, in total and from one address, and who makes room when there
//! are no more.
//!
//! The connection that nobody has asked anything on for longest ends for the sake of a new one: a
//! client that keeps it opens another one when it needs it, and connections that only lie there must
//! keep no call out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// So many may be on their way out at once, beyond the limit. More than that come faster than they
/// end, and are refused.
const MOST_LEAVING: usize = 64;

/// "A request is in flight".
const BUSY: u64 = 0;

/// The places of one listener. A place is given back by dropping it; an address without a
/// connection takes no memory.
#[derive(Clone)]
pub(super) struct Places {
    taken: Arc<Mutex<Taken>>,
    in_total: usize,
    per_address: usize,
}

struct Taken {
    began: Instant,
    next: u64,
    seats: HashMap<u64, Taker>,
    by_address: HashMap<IpAddr, usize>,
    leaving: usize,
}

struct Taker {
    /// `None`: a load balancer's, which is to name another one.
    address: Option<IpAddr>,
    seat: Arc<Seat>,
    /// Told to leave: it counts no more.
    leaves: bool,
}

/// What is known of a connection by those who look for room.
#[derive(Debug)]
pub(super) struct Seat {
    /// When the listener began.
    began: Instant,
    /// Microseconds from then to the end of the last request, plus one; or [`BUSY`].
    idle_since: AtomicU64,
    shall_leave: Notify,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Full {
    InTotal,
    PerAddress,
}

impl Places {
    pub(super) fn new(in_total: usize, per_address: usize) -> Self {
        let taken = Taken {
            began: Instant::now(),
            next: 0,
            seats: HashMap::new(),
            by_address: HashMap::new(),
            leaving: 0,
        };
        Self { taken: Arc::new(Mutex::new(taken)), in_total, per_address }
    }

    /// Takes a place for a connection from `address`. Where there is none the longest idle
    /// connection is told to leave, of the same address where that has too many.
    pub(super) fn take(&self, address: Option<IpAddr>) -> Result<Place, Full> {
        let mut taken = lock(&self.taken);
        let made_room = if let Some(address) = address
            && taken.count(address) >= self.per_address
        {
            taken.make_room(Some(address)).ok_or(Full::PerAddress)?
        } else if taken.seats.len() - taken.leaving >= self.in_total {
            taken.make_room(None).ok_or(Full::InTotal)?
        } else {
            false
        };
        let seat = Arc::new(Seat {
            began: taken.began,
            idle_since: AtomicU64::new(moment(taken.began)),
            shall_leave: Notify::new(),
        });
        if let Some(address) = address {
            *taken.by_address.entry(address).or_insert(0) += 1;
        }
        let id = taken.next;
        taken.next += 1;
        taken.seats.insert(id, Taker { address, seat: Arc::clone(&seat), leaves: false });
        Ok(Place { taken: Arc::clone(&self.taken), id, seat, made_room })
    }

    /// The place is, as it turns out, one of a connection from `address`. Where that has too many, its
    /// longest idle one is told to leave; an error where all have a request in flight.
    pub(super) fn name(&self, place: &Place, address: IpAddr) -> Result<(), Full> {
        let mut taken = lock(&self.taken);
        if taken.count(address) >= self.per_address {
            taken.make_room(Some(address)).ok_or(Full::PerAddress)?;
        }
        if let Some(taker) = taken.seats.get_mut(&place.id)
            && !taker.leaves
        {
            taker.address = Some(address);
            *taken.by_address.entry(address).or_insert(0) += 1;
        }
        Ok(())
    }
}

impl Taken {
    fn count(&self, address: IpAddr) -> usize {
        self.by_address.get(&address).copied().unwrap_or_default()
    }

    /// Tells the longest idle connection to leave; `None`: all have a request in flight.
    fn make_room(&mut self, of: Option<IpAddr>) -> Option<bool> {
        if self.leaving >= MOST_LEAVING {
            return None;
        }
        let candidates = self
            .seats
            .values_mut()
            .filter(|taker| !taker.leaves && (of.is_none() || of == taker.address));
        let idle = candidates.filter_map(|taker| {
            let since = taker.seat.idle_since.load(Ordering::Acquire);
            (since != BUSY).then_some((since, taker))
        });
        let (_, taker) = idle.min_by_key(|(since, _)| *since)?;
        // A request that begins just now is answered first.
        taker.leaves = true;
        taker.seat.shall_leave.notify_one();
        let address = taker.address;
        self.leaving += 1;
        self.leave(address);
        Some(true)
    }

    /// One fewer from `address`.
    fn leave(&mut self, address: Option<IpAddr>) {
        if let Some(address) = address
            && let Some(count) = self.by_address.get_mut(&address)
        {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

impl Seat {
    /// A request is in flight.
    pub(super) fn is_busy(&self) {
        self.idle_since.store(BUSY, Ordering::Release);
    }

    /// None is any more.
    pub(super) fn is_idle(&self) {
        self.idle_since.store(moment(self.began), Ordering::Release);
    }

    /// Waits until this connection is to make room for another one.
    pub(super) async fn shall_leave(&self) {
        self.shall_leave.notified().await;
    }
}

fn moment(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX - 1) + 1
}

/// One connection's place.
pub(super) struct Place {
    taken: Arc<Mutex<Taken>>,
    id: u64,
    pub(super) seat: Arc<Seat>,
    /// Another connection had to leave for it.
    pub(super) made_room: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        match taken.seats.remove(&self.id) {
            Some(Taker { leaves: true, .. }) => taken.leaving = taken.leaving.saturating_sub(1),
            Some(Taker { address, .. }) => taken.leave(address),
            None => {}
        }
    }
}

/// Nothing here is left half done by a panic elsewhere.
fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use tokio::time::{advance, timeout};

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
    }

    fn busy(places: &Places, last: u8) -> Place {
        let place = places.take(Some(address(last))).unwrap();
        place.seat.is_busy();
        place
    }

    async fn shall_leave(place: &Place) -> bool {
        timeout(Duration::from_millis(1), place.seat.shall_leave()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_cannot_take_the_places_of_others() {
        let places = Places::new(3, 2);
        let _first = busy(&places, 1);
        let _second = busy(&places, 1);

        assert_eq!(places.take(Some(address(1))).err(), Some(Full::PerAddress));
        let _other = busy(&places, 2);
        assert_eq!(places.take(Some(address(3))).err(), Some(Full::InTotal));
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_given_back_is_free_and_forgotten() {
        let places = Places::new(1, 1);
        drop(busy(&places, 1));

        assert!(lock(&places.taken).by_address.is_empty());
        assert!(lock(&places.taken).seats.is_empty());
        assert!(places.take(Some(address(2))).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_makes_room_and_nobody_with_a_request_in_flight() {
        let places = Places::new(3, 3);
        let in_flight = busy(&places, 1);
        let short = places.take(Some(address(2))).unwrap();
        advance(Duration::from_secs(1)).await;
        let long = places.take(Some(address(3))).unwrap();
        advance(Duration::from_secs(1)).await;
        short.seat.is_busy();
        short.seat.is_idle();

        let newcomer = busy(&places, 4);

        assert!(newcomer.made_room);
        assert!(shall_leave(&long).await);
        assert!(!shall_leave(&short).await && !shall_leave(&in_flight).await);
        // It is on its way out and leaves once.
        let _another = busy(&places, 5);
        assert!(shall_leave(&short).await && !shall_leave(&long).await);
        drop((long, short));
        assert_eq!(places.take(Some(address(6))).err(), Some(Full::InTotal));
        assert_eq!(lock(&places.taken).leaving, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_with_too_many_makes_room_among_its_own() {
        let places = Places::new(9, 1);
        let others = places.take(Some(address(1))).unwrap();
        let own = places.take(Some(address(2))).unwrap();

        let newcomer = places.take(Some(address(2))).unwrap();

        assert!(newcomer.made_room && shall_leave(&own).await && !shall_leave(&others).await);
        drop(own);
        assert_eq!(lock(&places.taken).count(address(2)), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn those_on_their_way_out_are_bounded() {
        let places = Places::new(1, 1000);
        let mut all: Vec<_> =
            (0..=MOST_LEAVING).map(|_| places.take(Some(address(1))).unwrap()).collect();

        assert_eq!(places.take(Some(address(2))).err(), Some(Full::InTotal));
        drop(all.remove(0));
        assert!(places.take(Some(address(2))).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_balancer_has_no_limit_of_its_own_and_each_client_behind_it_has() {
        let places = Places::new(5, 1);
        let named = |last| {
            let place = places.take(None).unwrap();
            place.seat.is_busy();
            places.name(&place, address(last)).map(|()| place)
        };
        let first = named(1).unwrap();
        let _second = named(2).unwrap();

        assert_eq!(named(1).err(), Some(Full::PerAddress));
        drop(first);
        let _again = named(1).unwrap();
        let unnamed: Vec<_> = (0..3).map(|_| places.take(None).unwrap()).collect();
        for place in &unnamed {
            place.seat.is_busy();
        }
        assert_eq!(places.take(None).err(), Some(Full::InTotal));
    }
}
