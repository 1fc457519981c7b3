# SPDX-License-Identifier: Apache-2.0
import unittest

from figures import Figure, figure, ratio, within


class FigureTest(unittest.TestCase):
    def test_is_the_median_with_its_extremes(self):
        self.assertEqual(figure([3.0, 1.0, 2.0]), Figure(2.0, 1.0, 3.0, 3))
        self.assertEqual(figure([1.0, 2.0, 3.0, 10.0]), Figure(2.5, 1.0, 10.0, 4))

    def test_leaves_out_what_was_not_measured(self):
        self.assertEqual(figure([None, 5.0, None]), Figure(5.0, 5.0, 5.0, 1))
        self.assertIsNone(figure([None, None]))
        self.assertIsNone(figure([]))


class RatioTest(unittest.TestCase):
    def test_pairs_the_rounds(self):
        # The machine is three times slower in the last round: both are, and the ratio does not see it.
        self.assertEqual(ratio([2.0, 2.2, 6.0], [1.0, 1.0, 3.0]), Figure(2.0, 2.0, 2.2, 3))

    def test_is_not_the_ratio_of_the_medians(self):
        above, below = [1.0, 4.0, 9.0], [1.0, 2.0, 1.0]
        self.assertEqual(ratio(above, below).median, 2.0)
        self.assertEqual(figure(above).median / figure(below).median, 4.0)

    def test_a_missing_side_takes_its_pair_with_it(self):
        self.assertEqual(ratio([2.0, None, 9.0], [1.0, 1.0, None]), Figure(2.0, 2.0, 2.0, 1))
        self.assertIsNone(ratio([None], [1.0]))

    def test_unequal_rounds_are_refused(self):
        with self.assertRaises(ValueError):
            ratio([1.0], [1.0, 2.0])


class WithinTest(unittest.TestCase):
    def test_both_ends_belong_to_it(self):
        self.assertTrue(within(0.85, 1.0, 0.15))
        self.assertTrue(within(1.15, 1.0, 0.15))
        self.assertFalse(within(0.84, 1.0, 0.15))
        self.assertFalse(within(1.16, 1.0, 0.15))


if __name__ == "__main__":
    unittest.main()
