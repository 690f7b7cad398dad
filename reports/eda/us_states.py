"""Where in the United States a zip code is, from its first three digits, and a map of equal tiles.

The ranges are those of the United States Postal Service ("3-digit ZIP Code prefix" areas, Domestic Mail
Manual, labeling list L002); each prefix is given to the state in which most of its area lies.
"""

from bisect import bisect_right
from typing import Final

# First and last prefix of each range, ascending. Military mail and the territories do not have a tile.
_RANGES: Final = """
005-005 NY 006-009 PR 010-027 MA 028-029 RI 030-038 NH 039-049 ME 050-054 VT 055-055 MA 056-059 VT 060-069 CT
070-089 NJ 100-149 NY 150-196 PA 197-199 DE 200-200 DC 201-201 VA 202-205 DC 206-212 MD 214-219 MD 220-246 VA
247-268 WV 270-289 NC 290-299 SC 300-319 GA 320-339 FL 341-342 FL 344-344 FL 346-347 FL 349-349 FL 350-352 AL
354-369 AL 370-385 TN 386-397 MS 398-399 GA 400-427 KY 430-459 OH 460-479 IN 480-499 MI 500-528 IA 530-532 WI
534-535 WI 537-549 WI 550-567 MN 570-577 SD 580-588 ND 590-599 MT 600-620 IL 622-629 IL 630-631 MO 633-641 MO
644-658 MO 660-662 KS 664-679 KS 680-681 NE 683-693 NE 700-701 LA 703-708 LA 710-714 LA 716-729 AR 730-731 OK
733-733 TX 734-741 OK 743-749 OK 750-799 TX 800-816 CO 820-831 WY 832-838 ID 840-847 UT 850-853 AZ 855-857 AZ
859-860 AZ 863-865 AZ 870-871 NM 873-875 NM 877-884 NM 885-885 TX 889-891 NV 893-895 NV 897-898 NV 900-908 CA
910-928 CA 930-961 CA 967-968 HI 969-969 GU 970-979 OR 980-986 WA 988-994 WA 995-999 AK
"""

NAMES: Final = {
    "AK": "Alaska",
    "AL": "Alabama",
    "AR": "Arkansas",
    "AZ": "Arizona",
    "CA": "California",
    "CO": "Colorado",
    "CT": "Connecticut",
    "DC": "District of Columbia",
    "DE": "Delaware",
    "FL": "Florida",
    "GA": "Georgia",
    "GU": "Guam",
    "HI": "Hawaii",
    "IA": "Iowa",
    "ID": "Idaho",
    "IL": "Illinois",
    "IN": "Indiana",
    "KS": "Kansas",
    "KY": "Kentucky",
    "LA": "Louisiana",
    "MA": "Massachusetts",
    "MD": "Maryland",
    "ME": "Maine",
    "MI": "Michigan",
    "MN": "Minnesota",
    "MO": "Missouri",
    "MS": "Mississippi",
    "MT": "Montana",
    "NC": "North Carolina",
    "ND": "North Dakota",
    "NE": "Nebraska",
    "NH": "New Hampshire",
    "NJ": "New Jersey",
    "NM": "New Mexico",
    "NV": "Nevada",
    "NY": "New York",
    "OH": "Ohio",
    "OK": "Oklahoma",
    "OR": "Oregon",
    "PA": "Pennsylvania",
    "PR": "Puerto Rico",
    "RI": "Rhode Island",
    "SC": "South Carolina",
    "SD": "South Dakota",
    "TN": "Tennessee",
    "TX": "Texas",
    "UT": "Utah",
    "VA": "Virginia",
    "VT": "Vermont",
    "WA": "Washington",
    "WI": "Wisconsin",
    "WV": "West Virginia",
    "WY": "Wyoming",
}

_TILE_ROWS: Final = """
AK .  .  .  .  .  .  .  .  .  ME
.  .  .  .  .  WI .  .  .  VT NH
WA ID MT ND MN IL MI .  NY MA .
OR NV WY SD IA IN OH PA NJ CT RI
CA UT CO NE MO KY WV VA MD DE .
.  AZ NM KS AR TN NC SC DC .  .
.  .  .  OK LA MS AL GA .  .  .
HI .  .  TX .  .  .  .  FL .  .
"""

# Column and row of each state's tile, from the upper left.
TILES: Final = {
    state: (column, row)
    for row, line in enumerate(_TILE_ROWS.split("\n")[1:-1])
    for column, state in enumerate(line.split())
    if state != "."
}

_PARSED: Final = [
    (int(span[:3]), int(span[4:]), state)
    for span, state in zip(_RANGES.split()[::2], _RANGES.split()[1::2], strict=True)
]
_STARTS: Final = [first for first, _, _ in _PARSED]


def state_of(prefix: str) -> str | None:
    """The postal abbreviation of the state or territory that a zip code's first three digits belong to.

    None for a prefix that is not in use, is military, or is not three digits.
    """
    if len(prefix) != 3 or not prefix.isdecimal():
        return None
    number = int(prefix)
    place = bisect_right(_STARTS, number) - 1
    if place < 0 or number > _PARSED[place][1]:
        return None
    return _PARSED[place][2]
