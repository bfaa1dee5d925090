"""How far a month may be from the months before it: every threshold of the history checks, with its reason.

A limit is a pair: beyond the first a month is warned about, beyond the second it is rejected. Each is added to what
the months before did themselves: their range, or how far they were from each other. Shares are of 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidemark.history import ENOUGH

NEEDED = ENOUGH  # months of history, below which a month is judged by itself alone
NEAREST = 3  # the last months that a shape is compared with, each alone, and the same month of the year before
ALIKE = 0.5  # of the rows the same but for their times: above it, the same rows in another month are no wonder
SHARED_ROWS = 0.4  # of the rows were in an earlier month, more than months usually share
ALL_SHARED = 0.95  # with few months nobody knows how much a month shares with the one before
ENOUGH_TO_SHARE = 10  # different rows, to know
ALGORITHM = 1  # one more where the same limits come to mean something else: a verdict by another is judged again
MANY = 24  # months, from which on more of them tell no more about how months differ


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    warn: float
    reject: float


# The logarithm of the rows over those expected. A collapse by half is a rejection whatever its cause.
FEWER_ROWS = Limit(warn=0.03, reject=0.45)
MORE_ROWS = Limit(warn=0.08, reject=0.69)
SEASON = 0.12  # by which a rejection is widened at most for what is not known of the season
UNKNOWN_SEASON = 0.25  # how far months of one year are from each other where no year before tells

# Nulls of a column that never had any, and of one that had.
NEW_NULLS = Limit(warn=0.0005, reject=0.006)
NULLS = Limit(warn=0.05, reject=0.30)  # more than in the last RECENT months: how many are empty has a trend
RECENT = 6
RECENT_STEPS = 3  # the last months, each of which may have been let through with more of them than the one before
CREEPING_NULLS = Limit(warn=9.0, reject=0.60)
FEWER_NULLS = Limit(warn=0.30, reject=2.0)  # to know more than before is no fault

NEGATIVES = Limit(warn=0.006, reject=0.035)
NEW_NEGATIVES = Limit(warn=0.002, reject=0.035)
ZEROS = Limit(warn=0.06, reject=0.35)
NEW_ZEROS = Limit(warn=0.006, reject=0.15)  # of a column that is hardly ever zero
WHOLE = Limit(warn=0.15, reject=0.50)  # digits that were cut off
NOT_FINITE = Limit(warn=0.0005, reject=0.01)

# The largest difference of the two cumulative distributions (Kolmogorov and Smirnov): 0 the same, 1 no overlap.
SHAPE = Limit(warn=0.035, reject=0.38)
RATIO_SHAPE = Limit(warn=0.035, reject=0.62)
# Of a few fixed amounts: a new tariff moves all of them at once, so that alone rejects nothing.
FIXED_AMOUNTS = Limit(warn=0.10, reject=9.0)
# The logarithm of the median over that of the nearest month: a new tariff of 2023 was 0.27, kilometres are 0.48.
MEDIAN = Limit(warn=0.20, reject=0.41)
FIXED_LEVEL = Limit(warn=0.40, reject=1.6)  # of the mean of the logarithms
# Values beyond those that only one in a hundred passed before.
TAIL = Limit(warn=0.0025, reject=0.035)
RATIO_TAIL = Limit(warn=0.0025, reject=0.12)  # a fifth of the rows in kilometres moves 9 % of them there
# The share of the values that lay above all that there are now: a filter or a cap took them.
CUT_OFF = Limit(warn=0.008, reject=0.10)
CUT_BELOW = 0.03  # of what was there: it is gone
TAIL_BEGINS = 1.2  # times the largest percentile of the months before
FIXED_TAIL_BEGINS = 4.0
FAR_TAIL = Limit(warn=0.0025, reject=0.035)  # so far out no vendor is who has taken another unit of length
FAR_TAIL_BEGINS = 2.0  # times where the tail does
SWAPPED = Limit(warn=0.01, reject=0.25)

# Half the sum of the differences of all shares: the share of the rows that have another code than before.
CODES = Limit(warn=0.06, reject=0.165)
# Two columns that have each other's values: both have moved by so much, and little of it is left between them.
EXCHANGED = 0.08
AS_THE_OTHER = 0.5
NEW_CODE = Limit(warn=0.0005, reject=0.25)
ONE_CODE = Limit(warn=0.04, reject=9.0)  # one code alone is so much more frequent
LOST_CODE = Limit(warn=0.04, reject=0.12)  # the share that a code had that is gone: it has been replaced or lost
LOST_BELOW = 0.02  # of what it had: it is gone

LOST_WITHIN = 1.5  # times what months differ: after a longer gap a code that is gone is news and no fault
MOST_OTHERS = 0.2  # of the values are not among the most frequent: more, and the column is none of codes
MANY_CODES = 20
DUE_ROWS = 7.0  # of a code are expected: then it is hardly gone by chance
FEWER_CODES = Limit(warn=0.2, reject=0.3)
CONSTANT_ROWS = 50  # that would have had another value: then one value is not chance
CONSTANT = 0.06  # of the rows had another value: then one value for all of them says nothing any more

CLOCK = Limit(warn=0.06, reject=0.15)
TURNED_CLOCK = Limit(warn=0.04, reject=0.07)  # where it fits again when all or some rows are moved by some hours
NO_TIME = Limit(warn=0.01, reject=0.35)  # two times that are the same
TURNED_WHOLE_CLOCK = Limit(warn=0.015, reject=0.028)  # where all rows fit again
SUMMER_TIME = Limit(warn=0.015, reject=0.15)  # of a clock that may have none where people have it
CLOCKS_CHANGE = (3, 4, 10, 11)  # months, in one place or another
CLOCKS_HAVE_CHANGED = (4, 11)  # months whose clocks are other ones than two months before, on either half of the earth
FITS_AGAIN = 0.4  # of the distance is left when the hours are turned
MINUTES = Limit(warn=0.10, reject=9.0)  # minutes do for most
ORDER = Limit(warn=0.004, reject=0.05)
ORDER_ALONE = Limit(warn=0.004, reject=9.0)  # the order of columns is a guess at the order in time
# Without history: some publishers write too little to tell rows apart.
DUPLICATES_ALONE = Limit(warn=0.004, reject=9.0)
DOUBLED = Limit(warn=0.004, reject=0.10)
ALL_TWICE = 0.95  # of the rows are there an even number of times
STRAYS = Limit(warn=0.002, reject=0.03)
DUPLICATES = Limit(warn=0.004, reject=0.036)
TOTALS = Limit(warn=0.06, reject=9.0)  # by a cent: rounding of one part touches every row
TOTALS_FAR = Limit(warn=0.06, reject=0.33)  # by more than a fiftieth of the total
TOTALS_ALONE = Limit(warn=0.35, reject=9.0)  # without history nobody knows whether these are all of its parts

# A day against the same weekdays of its month. A snowstorm left 9 % of a day, a lockdown 3 %.
MOST_DAYS = 0.8  # of the days of past months have rows: then one without any was lost
MOST_DAYS_ALONE = 0.4  # of the month's own days, where there is no past: a file that was cut in the middle has more
DAY_GONE = 0.015
DAY_LOW = 0.15
DAYS_IN_A_ROW = 8  # with rows: then this is a dataset of every day
DAY_THIN = 0.6  # a last day that has less was closed too early; a holiday has about as much
DAYS_LATE = 1.5  # days' rows that are missing from the last days
DAY_HIGH = 1.6
NO_CHANCE = Limit(warn=0.01, reject=0.001)  # of so many days without rows, where few of them always were
ENOUGH_FOR_A_DAY = 12.0  # rows expected, below which an empty day is chance
GAP_HOURS = 4  # hours in a row without a row
GAP_OF_A_DAY = 0.85  # of the rows of a day are missing with them: it is a day, wherever it begins
HIGH_DAYS = 5  # so many days of twice the rows are no holiday

# A part of the month, one vendor or one day, where the whole hides it.
PART_MEDIAN = Limit(warn=0.25, reject=0.60)
PART_SHARES = Limit(warn=0.25, reject=9.0)  # what is empty, zero or below zero in it; the whole says if it is much
PART_OF_FIXED = Limit(warn=1.0, reject=1.6)  # a median may jump from one amount to the next
LARGE_PART = 0.04  # of the month's rows
DAY_MEDIAN = Limit(warn=0.40, reject=9.0)

# Some days in a row against the other days of the month: the share of the values that are elsewhere than on these.
LONG_STRETCH = 7  # days: what is clearly broken for a quarter of the month is no incident
SHORT_STRETCH = Limit(warn=0.20, reject=9.0)
STRETCH = Limit(warn=0.10, reject=0.42)
STRETCH_OF_HOURS = Limit(warn=0.06, reject=0.15)  # a clock that is five hours late moves three in ten

# How closely two columns go together, of 1: what share of it is lost, and how much is new where there was little.
CLOSE = 0.35
ENOUGH_FOR_BONDS = 1000  # rows
BOND_LOST = Limit(warn=0.12, reject=0.50)
BOND_LOST_IN_A_QUARTER = Limit(warn=0.25, reject=0.70)
BOND_OF_FIXED = Limit(warn=0.12, reject=9.0)  # a new tariff moves fixed amounts, whoever they go with
BOND_NEW = Limit(warn=0.25, reject=0.60)
BOND_NEW_WITH_CODES = Limit(warn=0.25, reject=9.0)  # a fee that one vendor alone has raised, or a code that is new

# How numbers are written, as shares of those that are not zero.
ROUNDED = Limit(warn=0.20, reject=9.0)  # what is lost of them is counted as different numbers and as whole ones
FINER = Limit(warn=0.02, reject=0.40)
ONE_NUMBER = Limit(warn=0.08, reject=0.45)
AGAIN = Limit(warn=0.10, reject=9.0)  # a file in another order may have its like side by side
FEWER_NUMBERS = Limit(warn=0.5, reject=2.3)  # the logarithm: a tenth of them is left

# Rows that are the same but for their date, their times or their values.
REPEATS = Limit(warn=0.008, reject=0.06)  # one day copied over another is a thirtieth
REPEATS_USUAL = 0.3  # of those that there always were: with more rows more of them are alike by chance
NO_MORE_REPEATS = 0.5  # of the rows: where it is usual, rows have too little in them to be told apart

ENOUGH_FOR_AN_HOUR = 30.0  # rows due in all days' same hours, or from a vendor: fewer, and none is chance
HOUR_TWICE = 1.6
OF_ONE_HOUR = 0.6  # of a rejection: rows that are there twice are counted elsewhere
HOURS_LOST = Limit(warn=5, reject=24)
DAYS_OF_A_STORM = 2  # on which hours may be lost for a cause

PART_GONE = 0.03  # of a vendor's rows
PART_TWICE = 1.7

# The logarithm of a quantile over those before, of whole numbers without a unit: no one says what they are.
LEVEL = Limit(warn=0.30, reject=0.70)
# Nulls of a column that the dataset's module does not list, where few months have it: it may still be on its way.
UNLISTED_NULLS = Limit(warn=0.05, reject=9.0)
