package counting_test

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"redrive/deploy/stack/counting"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo answers whatever it gets.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.Copy(connection, connection)
			_ = connection.Close()
		}
	}()
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		<-done
	})
	return listener.Addr().String()
}

// connect returns a link to an echo and a function that sends something and reads it back.
func connect(t *testing.T, postgres bool) (*counting.Link, func(string)) {
	t.Helper()
	link, err := counting.New(echo(t), postgres)
	require.NoError(t, err)
	connection, err := net.Dial("tcp", link.Addr())
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, connection.Close())
		require.NoError(t, link.Close())
	})
	return link, func(text string) {
		_, err := io.WriteString(connection, text)
		require.NoError(t, err)
		back := make([]byte, len(text))
		_, err = io.ReadFull(connection, back)
		require.NoError(t, err)
		assert.Equal(t, text, string(back))
	}
}

func TestLinkCountsTurnsOfAnyProtocol(t *testing.T) {
	link, send := connect(t, false)
	send("one")
	send("three")
	assert.Equal(t, counting.Counts{Bytes: 16, Trips: 2}, link.Counts())
	before := link.Counts()
	send("x")
	assert.Equal(t, counting.Counts{Bytes: 2, Trips: 1}, link.Counts().Since(before))
}

func TestLinkCountsStatementsAndSyncsOfPostgres(t *testing.T) {
	link, send := connect(t, true)
	send("\x00\x00\x00\x09Q\x00\x00\x00\x04") // the first message has no type, whatever its content
	assert.Zero(t, link.Counts().Statements)
	send("P\x00\x00\x00\x06EE" + "B\x00\x00\x00\x05S" + "E\x00\x00\x00\x04" + "E\x00\x00\x00\x05S" + "S\x00\x00\x00\x04")
	assert.Equal(t, int64(2), link.Counts().Statements)
	assert.Equal(t, int64(1), link.Counts().Trips)
	send("Q\x00\x00") // a header in two parts
	send("\x00\x06EE")
	assert.Equal(t, int64(3), link.Counts().Statements)
	assert.Equal(t, int64(2), link.Counts().Trips)
}
