package webhook

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// Durations counts durations in buckets, so that sets of them can be added and quantiles read. A duration below 32 ms has a bucket of its
// own. Beyond, each power of two is divided into 16 buckets, so that a quantile differs from the exact one by at most 1/32. The zero value
// is empty. It is not safe for concurrent use.
type Durations struct {
	counts []int64 // by bucket, without empty buckets at the end
}

const (
	// exactBuckets are the buckets of one millisecond.
	exactBuckets = 1 << exactBits
	exactBits    = 5
	// bucketBits divide a power of two into buckets.
	bucketBits = exactBits - 1
	// maxBuckets bounds what is decoded. The last bucket begins at more than 1,000 days.
	maxBuckets = exactBuckets + 32<<bucketBits
)

// bucketOf returns the bucket of a duration.
func bucketOf(milliseconds int64) int {
	if milliseconds < exactBuckets {
		return int(max(milliseconds, 0))
	}
	power := bits.Len64(uint64(milliseconds)) - 1
	within := int(milliseconds>>(power-bucketBits)) & (1<<bucketBits - 1)
	return min(exactBuckets+(power-exactBits)<<bucketBits+within, maxBuckets-1)
}

// middleOf returns the middle of a bucket, in milliseconds.
func middleOf(bucket int) int64 {
	if bucket < exactBuckets {
		return int64(bucket)
	}
	bucket -= exactBuckets
	width := int64(1) << (bucket>>bucketBits + exactBits - bucketBits)
	return (1<<bucketBits+int64(bucket&(1<<bucketBits-1)))*width + (width-1)/2
}

// Add counts a duration.
func (d *Durations) Add(milliseconds int64) { d.add(bucketOf(milliseconds), 1) }

func (d *Durations) add(bucket int, count int64) {
	if missing := bucket + 1 - len(d.counts); missing > 0 {
		d.counts = append(d.counts, make([]int64, missing)...)
	}
	d.counts[bucket] += count
}

// AddAll adds the counts of other.
func (d *Durations) AddAll(other Durations) {
	for bucket, count := range other.counts {
		if count > 0 {
			d.add(bucket, count)
		}
	}
}

// Count returns how many durations were counted.
func (d Durations) Count() (count int64) {
	for _, n := range d.counts {
		count += n
	}
	return count
}

// Quantile returns the duration that the given share of durations, from 0 to 1, does not exceed, in milliseconds. ok is false if there are
// none.
func (d Durations) Quantile(share float64) (milliseconds int64, ok bool) {
	count := d.Count()
	if count == 0 {
		return 0, false
	}
	rank := max(int64(share*float64(count)+1-1e-9), 1) // the nearest rank, rounded up
	for bucket, n := range d.counts {
		if rank -= n; rank <= 0 {
			return middleOf(bucket), true
		}
	}
	return middleOf(len(d.counts) - 1), true
}

// Encode returns the durations as bytes that DecodeDurations reads: for each bucket that is not empty, its distance from the one before and
// its count, as varints.
func (d Durations) Encode() []byte {
	encoded := []byte{} // not nil, which a database would store as NULL
	last := -1
	for bucket, count := range d.counts {
		if count > 0 {
			encoded = binary.AppendUvarint(encoded, uint64(bucket-last)) //nolint:gosec // G115: buckets ascend
			encoded = binary.AppendUvarint(encoded, uint64(count))
			last = bucket
		}
	}
	return encoded
}

var errDurations = errors.New("counted durations are damaged")

// DecodeDurations reads what Encode returned.
func DecodeDurations(encoded []byte) (d Durations, err error) {
	bucket := -1
	for len(encoded) > 0 {
		distance, read := binary.Uvarint(encoded)
		if read <= 0 || distance == 0 || distance > uint64(maxBuckets) {
			return Durations{}, errDurations
		}
		encoded = encoded[read:]
		count, read := binary.Uvarint(encoded)
		if read <= 0 || count > 1<<62 {
			return Durations{}, errDurations
		}
		encoded = encoded[read:]
		if bucket += int(distance); bucket >= maxBuckets {
			return Durations{}, errDurations
		}
		d.add(bucket, int64(count))
	}
	return d, nil
}
