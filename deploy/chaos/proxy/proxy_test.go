package proxy_test

import (
	"bufio"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/deploy/chaos/proxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const soon = time.Minute

// echoing is a server that echoes lines.
func echoing(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = connection.Close() }()
				for lines := bufio.NewScanner(connection); lines.Scan(); {
					if _, err := connection.Write(append(lines.Bytes(), '\n')); err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

func start(t *testing.T, target string) *proxy.Proxy {
	t.Helper()
	p, err := proxy.New(target)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

type client struct {
	net.Conn
	lines *bufio.Reader
}

func dial(t *testing.T, p *proxy.Proxy) client {
	t.Helper()
	connection, err := net.Dial("tcp", p.Addr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	return client{connection, bufio.NewReader(connection)}
}

func (c client) say(t *testing.T, line string) {
	t.Helper()
	_, err := c.Write([]byte(line + "\n"))
	require.NoError(t, err)
}

func (c client) hear(t *testing.T, limit time.Duration) (string, error) {
	t.Helper()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(limit)))
	return c.lines.ReadString('\n')
}

func TestForwards(t *testing.T) {
	c := dial(t, start(t, echoing(t)))
	c.say(t, "hello")
	line, err := c.hear(t, soon)
	require.NoError(t, err)
	assert.Equal(t, "hello\n", line)
}

// Nothing passes a partition, on old and on new connections, and all of it arrives afterwards.
func TestPartition(t *testing.T) {
	p := start(t, echoing(t))
	old := dial(t, p)
	old.say(t, "before")
	_, err := old.hear(t, soon)
	require.NoError(t, err)

	p.Partition()
	p.Partition()
	young := dial(t, p)
	for _, c := range []client{old, young} {
		c.say(t, "during")
		_, err := c.hear(t, 50*time.Millisecond)
		var late net.Error
		require.ErrorAs(t, err, &late)
		assert.True(t, late.Timeout(), "the connection is held: %v", err)
	}
	p.Heal()
	p.Heal()
	for _, c := range []client{old, young} {
		line, err := c.hear(t, soon)
		require.NoError(t, err)
		assert.Equal(t, "during\n", line)
	}
}

func TestServerAway(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	_, err = dial(t, start(t, listener.Addr().String())).hear(t, soon)
	require.Error(t, err, "the connection ends")
}

func TestCloseEndsWhatIsHeld(t *testing.T) {
	p := start(t, echoing(t))
	c := dial(t, p)
	c.say(t, "before")
	_, err := c.hear(t, soon)
	require.NoError(t, err)
	p.Partition()
	c.say(t, "during")
	require.NoError(t, p.Close())
	require.NoError(t, p.Close())
}
