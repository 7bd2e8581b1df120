package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

// These stories run on a stack with production settings: it sends only to public https addresses and has no operator's password.

func TestKeyOfAnotherInstallationIsRefused(t *testing.T) {
	onGuardedStack(t, func(t *testing.T, s, other *suite) {
		s.client("", other.stack.Key()).get(t, base).refused(t, 401, "unauthenticated")
	})
}

func TestQueuePageWithoutAPasswordIsAbsent(t *testing.T) {
	onGuardedStack(t, func(t *testing.T, s, _ *suite) {
		c := s.organization(t)
		for _, path := range []string{"/queues", "/queues/", "/queues/api/queues"} {
			code, page := s.visit(t, s.stack.URL()+path, "operator", "")
			assert.Contains(t, []int{401, 404}, code)
			assert.NotContains(t, page, "<html")
			c.get(t, path).refused(t, 404, "route_not_found")
		}
	})
}

func TestDestinationPlainHTTPIsRefused(t *testing.T) {
	onGuardedStack(t, func(t *testing.T, s, _ *suite) {
		c := s.organization(t)
		refusedURL(t, c, "http://93.184.215.14/hook", "scheme_not_allowed")
	})
}

func TestDestinationPublicAddressIsAccepted(t *testing.T) {
	onGuardedStack(t, func(t *testing.T, s, _ *suite) {
		c := s.organization(t)
		assert.Equal(t, http.StatusOK, c.post(t, base, `{"name":"n","url":"https://93.184.215.14/hook"}`).status)
	})
}

func TestDestinationPrivateAddressIsRefused(t *testing.T) {
	onGuardedStack(t, func(t *testing.T, s, _ *suite) {
		c := s.organization(t)
		for _, host := range []string{
			"127.0.0.1", "127.8.9.10", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "169.254.170.2",
			"100.100.100.200", "100.64.0.1", "192.0.0.192", "198.18.0.1", "192.0.2.1", "240.0.0.1", "224.0.0.1", "255.255.255.255",
			"[::1]", "[::]", "[fd00:ec2::254]", "[fe80::1]", "[fec0::1]", "[2001:db8::1]", "[ff02::1]",
			"[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]",
		} {
			refusedURL(t, c, "https://"+host+"/hook", "destination_not_allowed")
		}
		refusedURL(t, c, "https://localhost/hook", "")
	})
}

func TestDestinationDisguisedAddressIsRefused(t *testing.T) {
	onGuardedStack(t, func(t *testing.T, s, _ *suite) {
		c := s.organization(t)
		for _, url := range []string{
			"https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/", "https://127.1/", "https://127.0.0.1./",
			"https://user@127.0.0.1/", "https://[fe80::1%25eth0]/", "https://①②⑦.⓪.⓪.①/", "https://93.184.215.14:0/",
			"https://93.184.215.14:65536/", "file:///etc/passwd", "gopher://93.184.215.14/", "//93.184.215.14/", "https:93.184.215.14",
		} {
			refusedURL(t, c, url, "")
		}
	})
}

// refusedURL checks that an endpoint for the URL is refused, with the reason if one is given.
func refusedURL(t *testing.T, c *client, url, reason string) {
	t.Helper()
	answer := c.postWrong(t, base, fmt.Sprintf(`{"name":"n","url":%q}`, url))
	if reason == "" {
		assert.Equal(t, http.StatusBadRequest, answer.status, "%s: %s", url, answer.body)
		return
	}
	p := answer.refused(t, 400, reason)
	assert.Equal(t, "url", p.Details[0].Field, url)
}
