package keyring

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func newKey(t testing.TB) string {
	t.Helper()
	key, err := Generate()
	require.NoError(t, err)
	return key
}

func parse(t testing.TB, keys string) *Keyring {
	t.Helper()
	ring, err := Parse(keys)
	require.NoError(t, err)
	return ring
}

func TestSealOpenRoundTrip(t *testing.T) {
	ring := parse(t, newKey(t))
	rapid.Check(t, func(t *rapid.T) {
		plaintext := rapid.SliceOf(rapid.Byte()).Draw(t, "plaintext")
		additional := rapid.SliceOf(rapid.Byte()).Draw(t, "additional data")
		sealed, err := ring.Seal(plaintext, additional)
		require.NoError(t, err)
		require.Len(t, sealed, minSize+len(plaintext))
		require.True(t, ring.SealedWithNewest(sealed))

		before := bytes.Clone(sealed)
		opened, err := ring.Open(sealed, additional)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plaintext, opened))
		require.Equal(t, before, sealed, "Open leaves its input alone")

		_, err = ring.Open(sealed, append(additional, 0))
		require.ErrorIs(t, err, ErrTampered)
		if len(additional) > 0 {
			_, err = ring.Open(sealed, additional[1:])
			require.ErrorIs(t, err, ErrTampered)
		}
	})
}

func TestSealSamePlaintextDiffers(t *testing.T) {
	ring := parse(t, newKey(t))
	seen := map[string]bool{}
	for range 1000 {
		sealed, err := ring.Seal([]byte("secret"), nil)
		require.NoError(t, err)
		nonce := string(sealed[headerSize : headerSize+nonceSize])
		require.False(t, seen[nonce], "a nonce came twice")
		seen[nonce] = true
		require.NotContains(t, string(sealed), "secret")
	}
}

func TestOpenChangedCiphertextRefused(t *testing.T) {
	ring := parse(t, newKey(t)+","+newKey(t))
	additional := []byte("ep_1")
	sealed, err := ring.Seal([]byte("whsec_secret"), additional)
	require.NoError(t, err)

	for i := range sealed {
		for bit := range 8 {
			changed := bytes.Clone(sealed)
			changed[i] ^= 1 << bit
			opened, err := ring.Open(changed, additional)
			want := ErrTampered
			if i >= 1 && i < headerSize {
				want = ErrUnknownKey
			}
			assert.ErrorIs(t, err, want, "bit %d of byte %d", bit, i)
			assert.Nil(t, opened)
		}
		_, err := ring.Open(sealed[:i], additional)
		assert.ErrorIs(t, err, ErrTampered, "cut to %d bytes", i)
		assert.Equal(t, i >= minSize, ring.SealedWithNewest(sealed[:i]))
	}
	_, err = ring.Open(append(bytes.Clone(sealed), 0), additional)
	assert.ErrorIs(t, err, ErrTampered, "a byte more")
	_, err = ring.Open(nil, additional)
	assert.ErrorIs(t, err, ErrTampered)
}

// A ciphertext with the ID of another key of the ring cannot be opened.
func TestOpenChangedKeyIDRefused(t *testing.T) {
	first, second := newKey(t), newKey(t)
	ring := parse(t, first+","+second)
	sealed, err := ring.Seal([]byte("secret"), nil)
	require.NoError(t, err)
	other := parse(t, second)
	copy(sealed[1:headerSize], other.newest[:])
	_, err = ring.Open(sealed, nil)
	assert.ErrorIs(t, err, ErrTampered)
}

func TestRotationOldKeyStillOpens(t *testing.T) {
	oldKey, newest := newKey(t), newKey(t)
	before, during, after := parse(t, oldKey), parse(t, newest+","+oldKey), parse(t, newest)
	additional := []byte("ep_1")
	sealed, err := before.Seal([]byte("secret"), additional)
	require.NoError(t, err)

	assert.True(t, before.SealedWithNewest(sealed))
	assert.False(t, during.SealedWithNewest(sealed))
	opened, err := during.Open(sealed, additional)
	require.NoError(t, err)
	assert.Equal(t, "secret", string(opened))
	_, err = after.Open(sealed, additional)
	assert.ErrorIs(t, err, ErrUnknownKey, "dropped too early")

	resealed, err := during.Seal(opened, additional)
	require.NoError(t, err)
	assert.True(t, during.SealedWithNewest(resealed))
	opened, err = after.Open(resealed, additional)
	require.NoError(t, err)
	assert.Equal(t, "secret", string(opened))
	_, err = before.Open(resealed, additional)
	assert.ErrorIs(t, err, ErrUnknownKey)
}

const stableSealed = "01e3ff726271abb0b498081a28ab3062e3e07b91add354c98bbd8e2ed4408c352e6b88962f6196a1ce1223a5f73cee9975f6c065c0e2098a7aa8e43752289ea6e7aa128fae7f0e10c345f1"

// A stored ciphertext must be readable after every change of this package.
func TestOpenStoredCiphertextStaysReadable(t *testing.T) {
	ring := parse(t, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	sealed, err := hex.DecodeString(stableSealed)
	require.NoError(t, err)
	opened, err := ring.Open(sealed, []byte("ep_01"))
	require.NoError(t, err)
	assert.Equal(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", string(opened))
	assert.True(t, ring.SealedWithNewest(sealed))
}

func TestZeroKeyring(t *testing.T) {
	var ring Keyring
	_, err := ring.Seal([]byte("secret"), nil)
	require.Error(t, err)
	sealed, err := parse(t, newKey(t)).Seal(nil, nil)
	require.NoError(t, err)
	_, err = ring.Open(sealed, nil)
	require.ErrorIs(t, err, ErrUnknownKey)
	zeroID := append([]byte{version}, make([]byte, minSize)...)
	assert.False(t, ring.SealedWithNewest(zeroID))
}

// FuzzOpen checks that Open does not panic and opens only ciphertexts of this keyring.
func FuzzOpen(f *testing.F) {
	ring := parse(f, newKey(f))
	sealed, err := ring.Seal([]byte("secret"), nil)
	require.NoError(f, err)
	f.Add(sealed)
	f.Add(sealed[:headerSize])
	f.Add([]byte{version})
	f.Fuzz(func(t *testing.T, ciphertext []byte) {
		ring.SealedWithNewest(ciphertext)
		if _, err := ring.Open(ciphertext, nil); err == nil {
			require.Equal(t, sealed, ciphertext)
		}
	})
}
