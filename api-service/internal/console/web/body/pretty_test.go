package body_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/internal/console/web/body"
)

func TestPrettyIsIndentedAsJSON(t *testing.T) {
	for _, data := range []string{
		``, `1`, `-1.10e+05`, `"a"`, `null`, `{}`, `[]`, `{ }`, "[\r\n\t ]", `{"a":1}`, ` { "a" : [ 1 , true , null , { } , "x,y:{}[]\"\\" ] , "b" : { "c" : 1e400 } } `,
		`[[],[[]],{"":{}}]`, `"\\"`, `["\\","\""]`,
	} {
		var want bytes.Buffer
		if data != "" {
			require.NoError(t, json.Indent(&want, []byte(strings.TrimSpace(data)), "", "  "), data)
		}
		assert.Equal(t, want.String(), string(body.Pretty([]byte(data))), data)
	}
}

func TestPrettyStopsEarly(t *testing.T) {
	deep := []byte(strings.Repeat("[", 1<<20))
	assert.Less(t, len(body.Pretty(deep)), 2*body.MaxPretty)
	assert.GreaterOrEqual(t, len(body.Pretty(deep)), body.MaxPretty, "more than a page shows, so that the page says that it is cut")
}

func FuzzPretty(f *testing.F) {
	f.Add([]byte(`{"a":[1.10,"\"",{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		shown := body.Pretty(data) // does not panic, whatever it gets
		var want bytes.Buffer
		if json.Indent(&want, bytes.TrimSpace(data), "", "  ") == nil && want.Len() < body.MaxPretty {
			assert.Equal(t, want.String(), string(shown))
		}
	})
}
