// Package body shows the bytes of requests and answers: text as it is, and everything else as hex.
package body

import (
	"encoding/hex"
	"unicode"
	"unicode/utf8"
)

// shown is how many bytes of a body a page shows. The rest can be downloaded.
const shown = 64 << 10

// Body is the beginning of a body as a page shows it.
type Body struct {
	// Text is the beginning of a body that is text.
	Text string
	// Hex is a dump of the beginning of a body that is not text.
	Hex string
	// Size and Shown are in bytes.
	Size, Shown int
}

// Cut reports whether only the beginning is shown.
func (b Body) Cut() bool { return b.Shown < b.Size }

// Of returns how the bytes are shown.
func Of(content []byte) Body {
	b := Body{Size: len(content), Shown: min(len(content), shown)}
	beginning := content[:b.Shown]
	if b.Cut() {
		beginning = wholeRunes(beginning)
	}
	if isText(beginning) {
		b.Text, b.Shown = string(beginning), len(beginning)
		return b
	}
	b.Shown = min(len(content), shown)
	b.Hex = hex.Dump(content[:b.Shown])
	return b
}

// wholeRunes removes a rune that was cut in two at the end.
func wholeRunes(text []byte) []byte {
	for cut := 1; cut < utf8.UTFMax && cut <= len(text); cut++ {
		if last := text[len(text)-cut:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return text[:len(text)-cut]
			}
			break
		}
	}
	return text
}

// isText reports whether the bytes are UTF-8 without control characters other than those of line breaks and tabs.
func isText(content []byte) bool {
	if !utf8.Valid(content) {
		return false
	}
	for _, r := range string(content) {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
	}
	return true
}
