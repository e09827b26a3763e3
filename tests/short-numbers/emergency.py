"""What libphonenumber knows of emergency numbers. Rust's crate has none of its short numbers.

    emergency.py table     src/domain/plan/emergency.txt, anew
    emergency.py connects  for each line `COUNTRY DIGITS` of standard input: whether such a call may connect to an
                           emergency service (`emergency`), is a subscriber's number there or abroad (`ordinary`), or
                           `neither`
"""

import re
import sys

import phonenumbers
from phonenumbers.phonemetadata import PhoneMetadata
from phonenumbers.shortdata import _AVAILABLE_REGION_CODES as REGIONS
from phonenumbers.shortnumberinfo import connects_to_emergency_number


def table():
    for region in sorted(REGIONS):
        numbers = PhoneMetadata.short_metadata_for_region(region)
        described = numbers.emergency if numbers else None
        if not described or not described.national_number_pattern:
            continue
        pattern = re.compile(described.national_number_pattern)
        lengths = described.possible_length or numbers.general_desc.possible_length
        every = (str(n).zfill(length) for length in lengths for n in range(10**length))
        found = sorted(filter(pattern.fullmatch, every), key=lambda number: (len(number), number))
        print(region, *found)


def is_valid(text, region):
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def connects():
    for line in sys.stdin:
        region, digits = line.split()
        ordinary = is_valid("+" + digits, None) or is_valid(digits, region)
        emergency = connects_to_emergency_number(digits, region)
        print("ordinary" if ordinary else "emergency" if emergency else "neither")


{"table": table, "connects": connects}[sys.argv[1]]()
