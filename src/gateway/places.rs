//! How many calls are answered at once.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts calls under way. The limit comes with each call: a reload may change it.
#[derive(Default)]
pub(super) struct Places(AtomicUsize);

/// A call's place; given back when it is dropped.
pub(super) struct Place<'p>(&'p AtomicUsize);

impl Places {
    /// `None`: so many are under way already.
    pub(super) fn take(&self, limit: usize) -> Option<Place<'_>> {
        let place = Place(&self.0);
        // Whoever finds it full gives his own place back by dropping it.
        (self.0.fetch_add(1, Ordering::Relaxed) < limit).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_places_as_the_limit_says_now_and_each_is_given_back() {
        let places = Places::default();
        let first = places.take(2);
        let second = places.take(2);
        assert!(first.is_some() && second.is_some());
        assert!(places.take(2).is_none() && places.take(2).is_none());

        let third = places.take(3);
        assert!(third.is_some());
        drop((first, second, third));

        assert!(places.take(1).is_some() && places.take(1).is_some());
    }
}
