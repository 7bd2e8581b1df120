package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"redrive/pkg/webhook"
)

// malformed returns the error for a text that the JSON decoder refused. It says what is wrong, where, and how to correct it.
func malformed(name string, text []byte, err error) error {
	var syntactic *jsontext.SyntacticError
	switch {
	case bytes.HasPrefix(text, byteOrderMark):
		return webhook.Invalid("malformed_json", "", name+" begins with a byte order mark; send JSON in UTF-8 without one")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return webhook.Invalid("malformed_json", "", fmt.Sprintf("%s ends in the middle of its JSON, after %d bytes", name, len(text)))
	case !errors.As(err, &syntactic):
		return webhook.Invalid("malformed_json", "", name+" is not well-formed JSON")
	case errors.Is(err, jsontext.ErrDuplicateName):
		field := fieldOf(syntactic.JSONPointer)
		return webhook.Invalid("duplicate_field", field, fmt.Sprintf("the field %q is there twice; send it once", field))
	}
	at := min(max(syntactic.ByteOffset, 0), int64(len(text)))
	rest := text[at:]
	if isSurrogate(rest) {
		return webhook.Invalid("unpaired_surrogate", fieldOf(syntactic.JSONPointer), fmt.Sprintf(
			"%s has an unpaired surrogate, %s, at byte %d: half a character. Escape the character by both its halves, as \\ud83d\\ude00, or send it as UTF-8",
			name, rest[:escapeLength], at))
	}
	return webhook.Invalid("malformed_json", "", fmt.Sprintf("%s is not well-formed JSON: %s at byte %d", name, flaw(rest), at))
}

var byteOrderMark = []byte("\ufeff")

// flaw describes the first problem of a text that begins where the decoder stopped.
func flaw(rest []byte) string {
	r, size := utf8.DecodeRune(rest)
	switch {
	case size == 0:
		return "it ends too early"
	case r == utf8.RuneError && size == 1:
		return fmt.Sprintf("there is no UTF-8 (0x%02x)", rest[0])
	case r < ' ':
		return fmt.Sprintf("there is a control character, which a string holds escaped, as \\u%04x,", r)
	}
	return fmt.Sprintf("%q is unexpected", r)
}

const escapeLength = len(`\ud83d`)

// isSurrogate reports whether the text begins with the escape of a surrogate.
func isSurrogate(text []byte) bool {
	if len(text) < escapeLength || text[0] != '\\' || text[1] != 'u' {
		return false
	}
	half, err := strconv.ParseUint(string(text[2:escapeLength]), 16, 16)
	return err == nil && utf16.IsSurrogate(rune(half))
}
