package httpapi

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A request has the time of one statement before its handler, and that of so many statements from each allowance on.
func TestDeadlineFollowsDatabaseTimeout(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ setting, want time.Duration }{
		"set":     {time.Hour, time.Hour},
		"default": {0, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				request := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
				e := echo.New().NewContext(request, httptest.NewRecorder())
				left := func(c echo.Context) time.Duration {
					deadline, bounded := c.Request().Context().Deadline()
					require.True(t, bounded)
					return time.Until(deadline)
				}
				require.NoError(t, deadline(c.setting)(func(request echo.Context) error {
					assert.Equal(t, c.want, left(request))
					time.Sleep(c.want / 2) // the client sends its body
					allow(request, 1)
					assert.Equal(t, c.want, left(request))
					allow(request, batchStatements)
					assert.Equal(t, 3*c.want, left(request))
					return nil
				})(e))
			})
		})
	}
}
