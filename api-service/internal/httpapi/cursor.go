package httpapi

import (
	"crypto/subtle"
	"encoding/base64"
	"maps"
	"regexp"
	"slices"

	"github.com/labstack/echo/v4"

	"redrive/pkg/webhook"
)

// A cursor is a checksum and a position in base64. The position is that of the last item of a page, and the next page begins after it. The
// checksum covers the position and the scope, so that a cursor is good for one organization, route and set of filters only.
//
// The checksum has no key. All processes can therefore check the cursors of each other, also after a change of SECRETS_KEY. It detects
// mistakes, and it protects nothing: a forged cursor selects another page of the caller's own organization, which the caller may read
// anyway. For the same reason a position is checked strictly before it reaches the database.

// checksumSize is the size of a cursor's checksum in bytes.
const checksumSize = 12

// positions are the positions that lists have. See webhook.List.
var positions = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,255}$`)

// scope is what a cursor belongs to.
type scope []string

// pageParameters are the parameters that are not filters: a walk may change them from page to page.
var pageParameters = []string{"limit", "offset", "cursor", "bodies"}

// scopeOf returns the scope of the list that the request reads.
func scopeOf(c echo.Context) scope {
	filters := maps.Clone(queryOf(c))
	for _, name := range pageParameters {
		delete(filters, name)
	}
	return append(scope{caller(c).OrganizationID, c.Path(), filters.Encode()}, c.ParamValues()...)
}

// cursor returns the cursor of a position.
func (s scope) cursor(position string) string {
	return base64.RawURLEncoding.EncodeToString(append(s.checksum(position), position...))
}

// nextCursor returns the cursor that continues a list, or "" if the list ends.
func nextCursor[T any](c echo.Context, list webhook.List[T]) string {
	if !list.HasMore {
		return ""
	}
	return scopeOf(c).cursor(list.Next)
}

// position returns the position of a cursor, or an error if the cursor is not one of this scope.
func (s scope) position(cursor string) (string, error) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(decoded) <= checksumSize {
		return "", errInvalidCursor
	}
	sum, position := decoded[:checksumSize], string(decoded[checksumSize:])
	if subtle.ConstantTimeCompare(sum, s.checksum(position)) != 1 || !positions.MatchString(position) {
		return "", errInvalidCursor
	}
	return position, nil
}

// checksum covers the scope and the position.
func (s scope) checksum(position string) []byte {
	sum := webhook.Fingerprint(slices.Concat([]string{"redrive/cursor/v1"}, s, []string{position})...)
	return sum[:checksumSize]
}

var errInvalidCursor = webhook.Invalid("invalid_cursor", "cursor",
	"the cursor is not one that this list returned to this organization with these filters; leave it out to read the list from its beginning")
