package proxy

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestDelayIsOfEachReadAndDoesNotAddUp runs on virtual time.
func TestDelayIsOfEachReadAndDoesNotAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const delay, apart = time.Second, 10 * time.Millisecond
		p := &Proxy{healed: make(chan struct{})}
		close(p.healed)
		client, accepted := net.Pipe()
		dialled, server := net.Pipe()
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			p.forwardLate(dialled, accepted, delay)
		}()
		began := time.Now()
		go func() {
			for range 3 {
				_, err := client.Write([]byte("x"))
				assert.NoError(t, err)
				time.Sleep(apart)
			}
			assert.NoError(t, client.Close())
		}()
		one := make([]byte, 1)
		for i := range 3 {
			_, err := io.ReadFull(server, one)
			require.NoError(t, err)
			assert.Equal(t, delay+time.Duration(i)*apart, time.Since(began))
		}
		_, err := server.Read(one)
		require.ErrorIs(t, err, io.EOF)
		<-ended
	})
}

func TestDelayFailedWriteEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Proxy{healed: make(chan struct{})}
		close(p.healed)
		client, accepted := net.Pipe()
		dialled, server := net.Pipe()
		require.NoError(t, server.Close())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			p.forwardLate(dialled, accepted, time.Second)
		}()
		_, err := client.Write([]byte("x"))
		require.NoError(t, err)
		time.Sleep(2 * time.Second)
		require.NoError(t, client.Close())
		<-ended
	})
}
