package chaos

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"redrive/deploy/stack/process"
)

func TestLogsMakeTheirDirectory(t *testing.T) {
	t.Parallel()
	w := &world{options: Options{Logs: filepath.Join(t.TempDir(), "of", "this run")}}
	s, err := w.service(process.Options{Name: "dispatcher 1"})
	require.NoError(t, err)
	assert.False(t, s.Running())
	require.NoError(t, w.close())
	_, err = os.Stat(filepath.Join(w.options.Logs, "dispatcher-1.log"))
	require.NoError(t, err)
}
