package report

import (
	"math"
	"strconv"
	"strings"
)

// number formats a figure with three significant digits, and with separators from a thousand upwards.
func number(value float64) string {
	size := math.Abs(value)
	switch {
	case math.IsNaN(value):
		return "–"
	case size == math.Trunc(size) && size < 1000:
		return strconv.FormatFloat(value, 'f', 0, 64)
	case size < 9.995:
		return strconv.FormatFloat(value, 'f', 2, 64)
	case size < 99.95:
		return strconv.FormatFloat(value, 'f', 1, 64)
	}
	return thousands(strconv.FormatFloat(value, 'f', 0, 64))
}

func thousands(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return sign + digits
}

// factor formats a ratio with two decimals.
func factor(ratio float64) string { return strconv.FormatFloat(ratio, 'f', 2, 64) + " ×" }
