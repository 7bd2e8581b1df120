package samples_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/api-service/openapi/samples"
)

// A body cannot end the quotation marks of a sample. The samples run without a network: the call that sends is replaced by
// one that prints the body.
func TestBodiesAreQuoted(t *testing.T) {
	for label, run := range map[string]func(t *testing.T, source string) string{
		"curl": func(t *testing.T, source string) string {
			return said(t, "sh", "-c", "curl() { for last; do :; done; printf %s \"$last\"; }\n"+source)
		},
		"JavaScript": func(t *testing.T, source string) string {
			return said(t, "node", "--input-type=module", "-e", "const fetch = async (_, r) => ({ ok: true, text: async () => r.body });\n"+source)
		},
		"Python": func(t *testing.T, source string) string {
			built, _, _ := strings.Cut(source, "with urllib")
			return said(t, "python3", "-c", built+"print(request.data.decode())")
		},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			for _, body := range bodies(t) {
				assert.JSONEq(t, body, run(t, source(t, label, body)))
			}
		})
	}
	for _, body := range bodies(t) {
		_, err := parser.ParseFile(token.NewFileSet(), "", source(t, "Go", body), parser.AllErrors)
		require.NoError(t, err, body)
	}
}

func bodies(t *testing.T) (list []string) {
	t.Helper()
	for _, value := range []string{"plain", "it's", "a `b` c", `back\slash`, "'''", "line\nbreak", "$HOME $(id)", "${x}", "é ☃"} {
		body, err := json.MarshalIndent(map[string]string{"a": value}, "", "  ")
		require.NoError(t, err)
		list = append(list, string(body))
	}
	return list
}

func source(t *testing.T, label, body string) string {
	t.Helper()
	list, err := samples.Of(samples.Call{Method: "POST", Path: "/v1/x", Body: body})
	require.NoError(t, err)
	for _, s := range list {
		if s.Label == label {
			return s.Source
		}
	}
	require.Fail(t, "no sample", label)
	return ""
}

// said returns the output of a program. It skips the test if the language is not installed.
func said(t *testing.T, program string, arguments ...string) string {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed", program)
	}
	cmd := exec.CommandContext(t.Context(), program, arguments...)
	cmd.Env = append(os.Environ(), "REDRIVE_API_KEY=x")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func TestCallsInvalidDocumentRefused(t *testing.T) {
	_, err := samples.Calls([]byte("openapi: 3"))
	require.ErrorContains(t, err, "read the OpenAPI document")
}
