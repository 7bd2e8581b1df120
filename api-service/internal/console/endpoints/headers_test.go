package endpoints

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseHeaders(t *testing.T) {
	headers, wrong := parseHeaders("X-A: 1\n  \n X-B :two words \nX-C:")
	assert.Empty(t, wrong)
	assert.Equal(t, map[string]string{"X-A": "1", "X-B": "two words", "X-C": ""}, headers)
	headers, wrong = parseHeaders("")
	assert.Empty(t, wrong)
	assert.Empty(t, headers)
}

func TestParseHeadersErrorsNameTheLine(t *testing.T) {
	_, wrong := parseHeaders("X-A: 1\n\nBearer canary\n: canary\nX-A: canary")
	var messages []string
	for _, d := range wrong {
		messages = append(messages, d.Message)
		assert.Equal(t, "headers", d.Field)
	}
	assert.Equal(t, []string{
		"line 3 has no colon; write the name, a colon and the value, such as X-Token: abc",
		"line 4 has no name before the colon",
		"line 5 has a name that a line above has too; keep one of them",
	}, messages)
}
