package jwt

import (
	"math/big"
	"sync"
)

// Keys that a faulty chip made are told by their remainders (CVE-2017-15361, "The Return of Coppersmith's Attack", 2017, §2.3): modulo each small prime, such a modulus
// is a power of 65537, which holds for one of many millions of others.

// rocaPrimes are those by which they are told.
var rocaPrimes = []int64{11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157}

// rocaPowers holds for each of them which remainders are powers of 65537.
var rocaPowers = sync.OnceValue(func() [][]bool {
	all := make([][]bool, len(rocaPrimes))
	for i, p := range rocaPrimes {
		all[i] = make([]bool, p)
		for r := int64(1); !all[i][r]; r = r * 65537 % p {
			all[i][r] = true
		}
	}
	return all
})

func weakPrimes(n *big.Int) bool {
	var rest big.Int
	for i, p := range rocaPrimes {
		if !rocaPowers()[i][rest.Mod(n, big.NewInt(p)).Int64()] {
			return false
		}
	}
	return true
}
