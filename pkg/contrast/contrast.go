// Package contrast computes how well text of one colour can be read on another, as WCAG 2.2 defines it.
package contrast

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// Readable is the least contrast of text (WCAG 2.2, success criterion 1.4.3, level AA).
const Readable = 4.5

// The backgrounds of text on the pages. The stylesheets have the same colours.
var (
	LightBackground = Color{0xff, 0xff, 0xff}
	DarkBackground  = Color{0x1a, 0x20, 0x29}
)

// Color is a colour of sRGB: red, green and blue.
type Color [3]uint8

// Parse parses a colour in the form #rrggbb, in either case.
func Parse(text string) (c Color, err error) {
	digits, ok := strings.CutPrefix(text, "#")
	channels, err := hex.DecodeString(digits)
	if !ok || err != nil || len(channels) != len(c) {
		return c, fmt.Errorf("%q is no colour such as #2457c5", text)
	}
	return Color(channels), nil
}

func (c Color) String() string { return "#" + hex.EncodeToString(c[:]) }

// Ratio returns the contrast of two colours, from 1 for equal ones to 21 for black and white. Their order does not matter.
func Ratio(a, b Color) float64 {
	light, dark := a.luminance(), b.luminance()
	if light < dark {
		light, dark = dark, light
	}
	return (light + 0.05) / (dark + 0.05)
}

// luminance returns the relative luminance, from 0 for black to 1 for white.
func (c Color) luminance() float64 {
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// linear returns the intensity of a channel. The constants are those of WCAG.
func linear(channel uint8) float64 {
	value := float64(channel) / math.MaxUint8
	if value <= 0.04045 {
		return value / 12.92
	}
	return math.Pow((value+0.055)/1.055, 2.4)
}
