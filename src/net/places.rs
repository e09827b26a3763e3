//! How many connections there may be, in total and from one address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places of one listener. A place is given back by dropping it; an address without a
/// connection takes no memory.
#[derive(Clone)]
pub(super) struct Places {
    taken: Arc<Mutex<Taken>>,
    in_total: usize,
    per_address: usize,
}

#[derive(Default)]
struct Taken {
    in_total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Full {
    InTotal,
    PerAddress,
}

impl Places {
    pub(super) fn new(in_total: usize, per_address: usize) -> Self {
        Self { taken: Arc::default(), in_total, per_address }
    }

    /// Takes a place for a connection from `address`.
    pub(super) fn take(&self, address: IpAddr) -> Result<Place, Full> {
        let mut taken = lock(&self.taken);
        if taken.in_total >= self.in_total {
            return Err(Full::InTotal);
        }
        match taken.by_address.entry(address) {
            Entry::Occupied(entry) if *entry.get() >= self.per_address => {
                return Err(Full::PerAddress);
            }
            Entry::Vacant(_) if self.per_address == 0 => return Err(Full::PerAddress),
            entry => *entry.or_insert(0) += 1,
        }
        taken.in_total += 1;
        Ok(Place { taken: Arc::clone(&self.taken), address })
    }
}

/// One connection's place.
pub(super) struct Place {
    taken: Arc<Mutex<Taken>>,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.in_total = taken.in_total.saturating_sub(1);
        if let Entry::Occupied(mut entry) = taken.by_address.entry(self.address) {
            *entry.get_mut() = entry.get().saturating_sub(1);
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

/// Two additions cannot leave the numbers half done, so a panic elsewhere is no reason to stop.
fn lock(taken: &Mutex<Taken>) -> MutexGuard<'_, Taken> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
    }

    #[test]
    fn one_address_cannot_take_the_places_of_others() {
        let places = Places::new(3, 2);
        let _first = places.take(address(1)).unwrap();
        let _second = places.take(address(1)).unwrap();

        assert_eq!(places.take(address(1)).err(), Some(Full::PerAddress));
        let _other = places.take(address(2)).unwrap();
        assert_eq!(places.take(address(3)).err(), Some(Full::InTotal));
    }

    #[test]
    fn a_place_given_back_is_free_and_forgotten() {
        let places = Places::new(1, 1);
        drop(places.take(address(1)).unwrap());

        assert!(lock(&places.taken).by_address.is_empty());
        assert_eq!(lock(&places.taken).in_total, 0);
        assert!(places.take(address(2)).is_ok());
    }
}
