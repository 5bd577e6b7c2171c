//go:build slow

package endings

// With this tag the package takes so long to initialise that its tests begin from an image.
var _ = func() (sum int) {
	for i := range 20_000_000 {
		sum += i
	}
	return sum
}()
