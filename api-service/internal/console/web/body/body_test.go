package body_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"redrive/api-service/internal/console/web/body"
)

func TestText(t *testing.T) {
	const exact = `{"big": 1000000000000000000000000000000, "price": 1.10, "name": "é"}` + "\r\n\t"
	b := body.Of([]byte(exact))
	assert.Equal(t, exact, b.Text)
	assert.Empty(t, b.Hex)
	assert.False(t, b.Cut())
	assert.Equal(t, len(exact), b.Size)
}

func TestBytesThatAreNoTextAreHex(t *testing.T) {
	for _, content := range []string{"\x00", "a\xff", "\x1b[31m", "\u0085"} {
		b := body.Of([]byte(content))
		assert.Empty(t, b.Text)
		assert.NotEmpty(t, b.Hex, "%q", content)
	}
	assert.Contains(t, body.Of([]byte("a\xffb")).Hex, "61 ff 62")
}

func TestLongTextIsCutBetweenCharacters(t *testing.T) {
	for lead := range 4 {
		b := body.Of([]byte(strings.Repeat("a", lead) + strings.Repeat("€", 30_000)))
		assert.True(t, b.Cut())
		assert.Empty(t, b.Hex, "lead %d", lead)
		assert.True(t, strings.HasSuffix(b.Text, "€"))
		assert.Equal(t, len(b.Text), b.Shown)
		assert.LessOrEqual(t, b.Shown, 64<<10)
		assert.Greater(t, b.Shown, 64<<10-4)
	}
	assert.Equal(t, 64<<10, body.Of(append([]byte{0}, make([]byte, 1<<20)...)).Shown)
}
