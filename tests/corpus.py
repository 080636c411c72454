#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""corpus.py - HDF5 files as h5py and netCDF4 make them, and what is in them, for test_hdf5_corpus.

usage: corpus.py DIRECTORY

Writes the files, the elements of each dataset as plain bytes, and index.txt: a line for each dataset with file,
dataset, dtype, how it is to be read, shape and the file of its elements, separated by tabs. A line whose dtype is
"error" has a part of the message instead of the way it is read; elements that are "unpacked" are what xarray makes of
them. A dataset "x.y" is field y of dataset x.
"""
import contextlib
import ctypes
import ctypes.util
import os
import sys
import warnings
import zlib

try:
    import h5py
    import hdf5plugin
    import netCDF4
    import numpy as np
    import xarray
except ImportError as why:
    print(f"skipped: {why} (packages.txt has what is needed)")
    sys.exit(77)

sys.dont_write_bytecode = True
import corpus_odd  # noqa: E402 (needs what is imported above)

RANDOM = np.random.default_rng(5)
INDEX = []

BITSHUFFLE, ZSTD, LZF = 32008, 32015, 32000
NAMES = {1: "deflate", 2: "shuffle", 3: "fletcher32", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle",
         32015: "zstd"}


def values(dtype, shape):
    """Smooth along the last axis, with noise in every third row, which no filter makes smaller."""
    dtype = np.dtype(dtype)
    n = int(np.prod(shape))
    x = np.arange(n).reshape(shape) // 7 % 100
    if dtype.kind == "b":
        return x % 3 == 0
    noise = np.frombuffer(RANDOM.bytes(n), np.uint8).reshape(shape) % 100
    x = np.where(np.indices(shape)[0] % 3 == 0, noise, x) if len(shape) > 0 else x
    if dtype.kind in "fc":
        x = x / 7
    if dtype.kind == "c":
        x = x - 1j * x[..., ::-1]
    return x.astype(dtype)


def native(a):
    """The elements as bramble has them."""
    a = np.asarray(a)
    if a.dtype.kind == "f" and a.itemsize == 2:
        a = a.astype(np.float32)
    return a.astype(a.dtype.newbyteorder("="), order="C")


def note(file, dataset, how, a):
    a = native(a)
    raw = "%d.raw" % len(INDEX)
    a.tofile(raw)
    INDEX.append([file, dataset, a.dtype.name, how, " ".join(map(str, a.shape)) or "-", raw])


def note_error(file, dataset, message):
    INDEX.append([file, dataset, "error", message, "-", "-"])


def how_read(dataset):
    """pread + decode (...) of the filters, when all of them are decoded in the tasks."""
    plist = dataset.id.get_create_plist()
    ids = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    if len(ids) == 0:
        return "pread"
    if all(i in NAMES for i in ids):
        return "pread + decode (" + ", ".join(NAMES[i] for i in ids) + ")"
    return "H5Dread (filter"


# ---- filters that h5py has ----

SHAPES = {"odd": ((41, 53), (16, 17)), "line": ((5000,), (1001,)), "box": ((7, 11, 29), (3, 11, 8)),
          "large": ((150, 160), (100, 101))}
DTYPES = ["u1", "<i2", "<f4", ">f8", "<c16"]
CASES = [(shape, dtype) for shape in SHAPES for dtype in DTYPES if shape != "large" or dtype == "<f4"]


def filters():
    table = {
        "gzip": dict(compression="gzip"),
        "gzip-shuffle": dict(compression="gzip", shuffle=True),
        "fletcher32": dict(fletcher32=True),
        "gzip-shuffle-fletcher32": dict(compression="gzip", shuffle=True, fletcher32=True),
        "lzf": dict(compression="lzf"),
        "lzf-shuffle": dict(compression="lzf", shuffle=True),
        "lzf-shuffle-fletcher32": dict(compression="lzf", shuffle=True, fletcher32=True),
        "lz4": dict(hdf5plugin.LZ4()),
        "lz4-blocks": dict(hdf5plugin.LZ4(nbytes=512), fletcher32=True),
        "lz4-shuffle": dict(hdf5plugin.LZ4(), shuffle=True),
    }
    for codec in "blosclz", "lz4", "lz4hc", "zlib", "zstd":
        for shuffle in 0, 1, 2:
            table["blosc-%s-%d" % (codec, shuffle)] = dict(hdf5plugin.Blosc(cname=codec, clevel=5, shuffle=shuffle))
    table["blosc-fletcher32"] = dict(hdf5plugin.Blosc(), fletcher32=True)
    return table


def write_filters():
    for name, options in filters().items():
        with h5py.File("filters-%s.h5" % name, "w") as f:
            for shape, dtype in CASES:
                extent, chunk = SHAPES[shape]
                d = f.create_dataset(shape + "/" + dtype[-2:], data=values(dtype, extent), chunks=chunk, **options)
                note(f.filename, d.name[1:], how_read(d), d[()])


def write_holes():
    """Chunks that were never written, and a fill value."""
    for name, options in dict(none={}, **filters()).items():
        with h5py.File("holes.h5", "a") as f:
            d = f.create_dataset(name, (50, 60), "<f4", chunks=(8, 9), fillvalue=-9.5, **options)
            d[3:11, 5:30] = values("f4", (8, 25))
            d[40:, 50:] = 7
            note("holes.h5", name, how_read(d), d[()])


# ---- filters that h5py lacks: their chunks are made here ----

def library(name):
    return ctypes.CDLL(name)


def zstd(data):
    out = ctypes.create_string_buffer(len(data) + 1024)
    compress = library("libzstd.so.1").ZSTD_compress
    compress.restype = ctypes.c_size_t
    compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    n = compress(out, len(out), data, len(data), 3)
    return out.raw[:n]


def bit_rows(block, size):
    bits = np.unpackbits(np.frombuffer(block, np.uint8).reshape(-1, size), axis=1, bitorder="little")
    return np.packbits(bits.T, axis=1, bitorder="little").tobytes()


def bitshuffle_zstd(data, size, count):
    count = count or max(8192 // size // 8 * 8, 128)
    out = len(data).to_bytes(8, "big") + (count * size).to_bytes(4, "big")
    while len(data) >= 8 * size:
        n = min(count, len(data) // size // 8 * 8) * size
        block = zstd(bit_rows(data[:n], size))
        out += len(block).to_bytes(4, "big") + block
        data = data[n:]
    return out + data


def create(f, name, a, chunk, *pipeline):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(chunk)
    for number, settings in pipeline:
        plist.set_filter(number, h5py.h5z.FLAG_OPTIONAL, tuple(settings))
    space = h5py.h5s.create_simple(a.shape)
    lcpl = h5py.h5p.create(h5py.h5p.LINK_CREATE)
    lcpl.set_create_intermediate_group(True)
    h5py.h5d.create(f.id, name.encode(), h5py.h5t.py_create(a.dtype), space, plist, lcpl)
    return f[name]


def write_chunks(d, a, encode, mask=lambda index: 0):
    """encode makes the stored bytes of a whole chunk; those at the edges are filled with zeros."""
    for index, start in enumerate(np.ndindex(*[-(-n // c) for n, c in zip(a.shape, d.chunks)])):
        start = tuple(i * c for i, c in zip(start, d.chunks))
        whole = np.zeros(d.chunks, a.dtype)
        part = a[tuple(slice(i, i + c) for i, c in zip(start, d.chunks))]
        whole[tuple(slice(0, n) for n in part.shape)] = part
        d.id.write_direct_chunk(start, encode(whole.tobytes(), index), mask(index))
    note(d.file.filename, d.name[1:], how_read(d), a)


@contextlib.contextmanager
def no_plugins():
    """Filters are only numbers, whose parameters no plugin changes."""
    hdf5 = library(ctypes.util.find_library("hdf5_serial"))
    before = ctypes.c_uint()
    hdf5.H5PLget_loading_state(ctypes.byref(before))
    hdf5.H5PLset_loading_state(0)
    if h5py.h5z.filter_avail(BITSHUFFLE):  # it has been loaded
        h5py.h5z.unregister_filter(BITSHUFFLE)
    yield
    hdf5.H5PLset_loading_state(before)


def write_foreign():
    """What Debian's libraries and plugins do not write: zstd, and bitshuffle with it."""
    with h5py.File("foreign.h5", "w") as f, no_plugins():
        for shape, dtype in CASES:
            extent, chunk = SHAPES[shape]
            a = values(dtype, extent)
            size = a.itemsize
            for count in 0, 8, 1000:
                d = create(f, "bits3-%d/%s/%s" % (count, shape, dtype[-2:]), a, chunk,
                           (BITSHUFFLE, (0, 4, size, count, 3)))
                write_chunks(d, a, lambda b, _: bitshuffle_zstd(b, size, count))
            d = create(f, "zstd/%s/%s" % (shape, dtype[-2:]), a, chunk, (ZSTD, (3,)))
            write_chunks(d, a, lambda b, _: zstd(b))


def write_bitshuffle():
    """As its plugin writes it, which puts its version and the size of elements before these parameters."""
    with h5py.File("bitshuffle.h5", "w") as f:
        for shape, dtype in CASES:
            extent, chunk = SHAPES[shape]
            a = values(dtype, extent)
            for codec in 0, 2:
                for count in 0, 8, 1000:
                    d = create(f, "bits%d-%d/%s/%s" % (codec, count, shape, dtype[-2:]), a, chunk,
                               (BITSHUFFLE, (count, codec)))
                    d[...] = a
                    note(f.filename, d.name[1:], how_read(d), a)
        # Only HDF5, and with it the plugin, reads a dataset by way of another.
        source = f["bits2-0/line/i2"]
        seen = h5py.VirtualLayout(source.shape, source.dtype)
        seen[...] = h5py.VirtualSource(source)
        note(f.filename, "virtual", "H5Dread (virtual", source[()])
        f.create_virtual_dataset("virtual", seen)


def shuffle(data, size):
    return np.frombuffer(data, np.uint8).reshape(-1, size).T.tobytes()


def write_masks():
    """Each chunk was stored without some of its filters, as HDF5 does when they do not make it smaller."""
    a = values("<f4", (50, 60))

    def encode(data, index):
        data = data if index & 1 else shuffle(data, 4)
        data = data if index & 2 else zlib.compress(data)
        return data if index & 4 else zstd(data)

    with h5py.File("masks.h5", "w") as f:
        d = create(f, "three", a, (16, 16), (2, (4,)), (1, (4,)), (ZSTD, (3,)))
        write_chunks(d, a, encode, lambda index: index & 7)


def write_slow():
    """Filters that only the library and its plugins undo."""
    with h5py.File("slow.h5", "w") as f:
        a = values("<i4", (41, 53))
        for name, options in dict(szip=dict(compression="szip"), scaleoffset=dict(scaleoffset=0),
                                  bzip2=dict(hdf5plugin.BZip2()), zfp=dict(hdf5plugin.Zfp(reversible=True)),
                                  bzip2_shuffle=dict(hdf5plugin.BZip2(), shuffle=True)).items():
            d = f.create_dataset(name, data=a, chunks=(16, 17), **options)
            note("slow.h5", name, how_read(d), d[()])
        create(f, "unknown", a, (16, 17), (32100, ()))
        note_error("slow.h5", "unknown", "32100")


# ---- types ----

def write_types():
    with h5py.File("types.h5", "w") as f:
        for name in "i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8 c8 c16".split():
            for order in "<>":
                a = values(order + name, (21, 33))
                if name == "f2":
                    a.flat[:6] = [np.nan, np.inf, -np.inf, 6e-8, -0.0, 65504]
                key = ("le" if order == "<" else "be") + "/" + name
                f[key] = a
                note("types.h5", key, "pread", a)
                d = f.create_dataset(key + " gzip", data=a, chunks=(8, 9), compression="gzip", shuffle=True)
                note("types.h5", d.name[1:], how_read(d), a)
        f["bool"] = values("?", (21, 33))
        note("types.h5", "bool", "pread", f["bool"][()])
        colour = h5py.enum_dtype({"RED": 3, "BLUE": -4}, basetype=">i2")
        f.create_dataset("enum", data=np.array([3, -4, 3, -4]), dtype=colour)
        note("types.h5", "enum", "pread", np.array([3, -4, 3, -4], "i2"))
        f["scalar"] = np.float64(2.5)
        note("types.h5", "scalar", "pread", np.float64(2.5))
        f["none"] = np.zeros((0, 5), "i4")
        note("types.h5", "none", "pread", f["none"][()])
        f["text"] = ["a", "b"]
        note_error("types.h5", "text", "variable-length strings")
        f["fixed text"] = np.array([b"ab", b"cde"])
        note_error("types.h5", "fixed text", "fixed-length strings")
        f.create_dataset("reference", data=[f.ref], dtype=h5py.ref_dtype)
        note_error("types.h5", "reference", "references")
        f.create_dataset("sequence", (3,), dtype=h5py.vlen_dtype(np.int32))
        note_error("types.h5", "sequence", "variable-length sequences")
        f["opaque"] = np.array([b"ab", b"cd"], "V2")
        note_error("types.h5", "opaque", "opaque")
        f["longdouble"] = np.zeros(3, "g")
        note_error("types.h5", "longdouble", "16-byte floats")
        f["empty"] = h5py.Empty("f4")
        note_error("types.h5", "empty", "has no shape")


RECORD = [("a", "<i2"), ("b", ">f8"), ("c", "?"), ("h", "<f2"), ("z", "<c8"), ("s", "S3"), ("e", "u1")]


def write_compounds():
    a = np.zeros((41, 23), RECORD)
    for name, dtype in RECORD:
        if name != "s":
            a[name] = values(dtype, a.shape)
    with h5py.File("compounds.h5", "w") as f:
        for name, options in dict(plain={}, chunked=dict(chunks=(8, 7)), gzip=dict(chunks=(8, 7), compression="gzip"),
                                  shuffle=dict(chunks=(8, 7), compression="gzip", shuffle=True)).items():
            d = f.create_dataset(name, data=a, **options)
            for field, _ in RECORD:
                how = "H5Dread" if field == "h" else how_read(d)
                if field != "s":
                    note("compounds.h5", name + "." + field, how, a[field])
            note_error("compounds.h5", name, "compounds with the members a, b, c, h, z, s, e")
            note_error("compounds.h5", name + ".s", "fixed-length strings")
            note_error("compounds.h5", name + ".x", "no such field")
        note_error("compounds.h5", "numbers.x", "no compounds")
        f["numbers"] = np.arange(5)
        fill = np.zeros((), RECORD)
        fill["a"], fill["b"], fill["c"] = 7, 2.5, True
        d = f.create_dataset("holes", (20, 30), RECORD, chunks=(8, 7), fillvalue=fill)
        d[3, 4] = a[5, 6]
        for field in "abcz":
            note("compounds.h5", "holes." + field, "pread", d[field])
        for re, im in ("re", "im"), ("real", "imag"):
            a8 = np.zeros((5, 6), [(re, "f8"), (im, "f8")])
            a8[re], a8[im] = values("f8", (5, 6)), -values("f8", (5, 6))
            f["complex " + re] = a8
            note("compounds.h5", "complex " + re, "pread", a8.view("c16"))


# ---- missing values and packing ----

def attribute_sets(dtype):
    """What the attributes of a variable may be; numbers are of its type unless said otherwise."""
    t = np.dtype(dtype).type
    small = t(7)
    yield "fill", dict(_FillValue=small)
    yield "missing", dict(missing_value=small)
    yield "both", dict(_FillValue=small, missing_value=t(9))
    yield "list", dict(missing_value=np.array([7, 9, 11], dtype))
    yield "double_missing", dict(missing_value=np.float64(9))
    yield "huge_missing", dict(missing_value=np.float64(1e300))
    yield "scale", dict(scale_factor=np.float64(0.01))
    yield "scale_f4", dict(scale_factor=np.float32(0.01))
    yield "offset", dict(add_offset=np.float64(273.15))
    yield "scale_int", dict(scale_factor=np.int32(3), add_offset=np.int32(-2))
    yield "packed", dict(scale_factor=np.float64(0.013), add_offset=np.float64(-40.7))
    yield "fill_scale", dict(_FillValue=small, scale_factor=np.float64(0.013))
    yield "fill_packed", dict(_FillValue=small, scale_factor=np.float32(0.013), add_offset=np.float64(1e4 / 3))
    yield "range", dict(valid_range=np.array([5, 90], dtype))
    yield "double_range", dict(valid_range=np.array([5.5, 90.0]))
    yield "min", dict(valid_min=t(20))
    yield "max", dict(valid_max=np.float64(70))
    yield "range_packed", dict(valid_range=np.array([5, 90], dtype), scale_factor=np.float64(0.3),
                               add_offset=np.float64(2), _FillValue=small)
    if np.dtype(dtype).kind == "f":
        yield "nan", dict(_FillValue=t(np.nan))
        yield "nan_list", dict(missing_value=np.array([np.nan, 9], dtype))
        yield "inf", dict(_FillValue=t(np.inf))
    if np.dtype(dtype).kind == "i":
        yield "unsigned", dict(_Unsigned="true")
        yield "unsigned_fill", dict(_Unsigned="true", _FillValue=t(-3), scale_factor=np.float64(0.5))
        yield "unsigned_range", dict(_Unsigned="true", valid_range=np.array([5, -20], dtype))
        yield "bool", dict(dtype="bool")
    if np.dtype(dtype).kind == "u":
        yield "signed_fill", dict(_Unsigned="false", _FillValue=t(2**32 - 3 & np.iinfo(dtype).max))


def meant(var, a, attributes):
    """What xarray makes of it; outside the valid range, which only netCDF4 minds, NaN."""
    has_range = any(name.startswith("valid") for name in attributes)
    var.set_auto_maskandscale(True)
    outside = np.ma.getmaskarray(var[:]) & has_range
    if outside.any() and not {"_FillValue", "missing_value"} & set(attributes):
        attributes = dict(attributes, missing_value=a.dtype.type(101))  # is nowhere, but makes floats
    x = xarray.conventions.decode_cf_variable("x", xarray.Variable(("y", "x"), a, attributes)).values
    return np.where(outside, x.dtype.type(np.nan), x) if outside.any() else x


def write_packed():
    with netCDF4.Dataset("packed.nc", "w") as f:
        f.createDimension("y", 21)
        f.createDimension("x", 33)
        for dtype in "i1 u1 i2 u2 i4 u4 i8 u8 f4 f8".split():
            for name, attributes in attribute_sets(dtype):
                a = values(dtype, (21, 33))
                if dtype[0] == "i":
                    a[5] = -np.arange(33)
                if dtype[0] == "f":
                    a = np.round(a * 7)
                    a[7, 2:4] = np.inf, np.nan
                var = f.createVariable(dtype + "_" + name, dtype, ("y", "x"), zlib=True, chunksizes=(8, 9),
                                       fill_value=attributes.get("_FillValue"))
                var.set_auto_maskandscale(False)
                for key, value in attributes.items():
                    if key != "_FillValue":
                        var.setncattr(key, value)
                var[:] = a
                note("packed.nc", var.name, "unpacked", meant(var, a, attributes))
    with h5py.File("packed.h5", "w") as f:
        for name, attributes in {"text scale": dict(scale_factor="0.1"), "many": dict(missing_value=np.arange(20)),
                                 "short range": dict(valid_range=np.array([1]))}.items():
            f[name] = np.arange(5)
            f[name].attrs.update(attributes)
            note_error("packed.h5", name, "its attribute")


# ---- types and options of netCDF variables ----

def variables(f):
    """Each with its type, elements and options."""
    colours = dict(RED=3, GREEN=0, BLUE=-4)
    pair = f.createCompoundType(np.dtype([("r", "<f8"), ("i", "<f8")]), "pair")
    colour = f.createEnumType("i2", "colour", colours)
    shape = 41, 53
    z = values("<c16", shape)
    named = np.array(list(colours.values()), "i2")[values("u1", shape) % 3]
    packed = dict(zlib=True, chunksizes=(8, 9))
    for name, options in ("", {}), (" zlib", packed), (" fletcher32", dict(packed, fletcher32=True)):
        yield "complex" + name, pair, z.view([("r", "<f8"), ("i", "<f8")]), options
        yield "enum" + name, colour, named, options
        for dtype in "i2", "f8":
            yield dtype + " big" + name, dtype, values(dtype, shape), dict(options, endian="big")
        yield "ocean/deep/salt" + name, "f4", values("f4", shape), options
    yield "fletcher32 only", "i4", values("i4", shape), dict(chunksizes=(8, 9), fletcher32=True)


def write_variables():
    written = {}
    with netCDF4.Dataset("variables.nc", "w") as f:
        f.createDimension("y", 41)
        f.createDimension("x", 53)
        for name, datatype, a, options in variables(f):
            f.createVariable(name, datatype, ("y", "x"), **options)[:] = a
            written[name] = a.view("c16") if a.dtype.names else a
    with h5py.File("variables.nc", "r") as f:
        for name, a in written.items():
            note(f.filename, name, how_read(f[name]), a)


# ---- what a file lists ----

def write_listing():
    with netCDF4.Dataset("listing.nc", "w") as f:
        f.title = "a month of weather"
        f.createDimension("time", None)
        f.createDimension("lat", 3)
        f.createDimension("lon", 4)
        f.createDimension("bare", 2)
        time = f.createVariable("time", "f8", ("time",), chunksizes=(16,))
        time.units = "days since 2000-01-01"
        f.createVariable("lat", "f4", ("lat",))[:] = [10, 20, 30]
        t2m = f.createVariable("t2m", "i2", ("time", "lat", "lon"), zlib=True, chunksizes=(1, 3, 4), fill_value=-99)
        t2m.setncatts(dict(scale_factor=0.01, valid_range=np.array([-50, 50], "i2"), long_name="température à 2 m"))
        t2m.flag_meanings = ["first", "second"]
        ocean = f.createGroup("ocean")
        ocean.depth = np.int32(5000)
        ocean.createVariable("salt", "f4", ("lat", "bare"), fletcher32=True)
        ocean.createVariable("names", str, ("lat",))
        f.createGroup("ocean/deep")
    with h5py.File("listing.nc", "a") as f:
        f["ocean/deep/loop"] = f["ocean"]
        f["broken"] = h5py.SoftLink("/nowhere")
        f["ocean/deep"].attrs["where"] = np.array([f["ocean"].ref], h5py.ref_dtype)
        f["ocean/deep"].attrs["none"] = h5py.Empty("f4")
        f["ocean/deep"].attrs["many"] = np.arange(20, dtype="u1")
        f["ocean/deep"].attrs["fixed"] = np.bytes_("abc")


def main():
    warnings.simplefilter("ignore")  # of netCDF4 and xarray about attributes that do not fit
    os.makedirs(sys.argv[1], exist_ok=True)
    os.chdir(sys.argv[1])
    for name in os.listdir("."):
        if name.endswith((".h5", ".nc", ".raw")):
            os.remove(name)
    write_filters()
    write_holes()
    write_foreign()
    write_bitshuffle()
    write_masks()
    write_slow()
    write_types()
    write_compounds()
    write_packed()
    write_variables()
    write_listing()
    corpus_odd.write(sys.modules["__main__"])
    with open("index.txt", "w") as f:
        for row in INDEX:
            f.write("\t".join(row) + "\n")


main()
