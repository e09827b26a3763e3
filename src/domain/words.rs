//! Closed lists of words: an enum whose variants, labels and order are written once.

/// Declares an enum with a label for each variant. `ALL` and `label` come from the same lines as
/// the variants, so they cannot differ from them, and a variant's number is its place in `ALL`.
macro_rules! words {
    (
        $(#[$about:meta])*
        $visibility:vis enum $name:ident {
            $($(#[$what:meta])* $variant:ident = $label:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        $visibility enum $name {
            $($(#[$what])* $variant,)+
        }

        impl $name {
            /// All of them, in the order of the enum, for metrics that exist from the start.
            $visibility const ALL: [Self; [$($label),+].len()] = [$(Self::$variant),+];

            /// The word for it in metrics, records and logs.
            $visibility fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)+
                }
            }
        }
    };
}

pub(crate) use words;

#[cfg(test)]
mod tests {
    words! {
        /// What a door can be.
        enum Door {
            /// Nobody gets through.
            Shut = "shut",
            /// Everybody does.
            WideOpen = "wide_open",
        }
    }

    #[test]
    fn a_variant_has_its_word_and_its_place_from_one_line() {
        assert_eq!(Door::ALL, [Door::Shut, Door::WideOpen]);
        assert_eq!(Door::ALL.map(Door::label), ["shut", "wide_open"]);
        assert_eq!(Door::WideOpen as usize, 1);
    }
}
