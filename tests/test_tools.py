# SPDX-License-Identifier: BSD-3-Clause
# test_tools.py - makes a netCDF file for make_netcdf, and looks at what that wrote with other people's programs.
#
# usage: test_tools.py make|check FOLDER
import os
import sys

import h5py
import netCDF4
import numpy
import xarray

TIMES, LATS, LONS = 6, 8, 10
numbers = numpy.arange(TIMES * LATS * LONS, dtype="f8").reshape(TIMES, LATS, LONS)


def make(folder):
    with netCDF4.Dataset(f"{folder}/source.nc", "w") as d:
        for name, n in (("time", None), ("y", LATS), ("x", LONS)):
            d.createDimension(name, n)
        time = d.createVariable("time", "f8", ("time",))
        time.units = "hours since 1999-12-31"
        time.bounds = "time_bounds"
        time[:] = numpy.arange(TIMES) * 6
        y = d.createVariable("y", "f4", ("y",))
        y.axis = "Y"
        y[:] = numpy.linspace(0, 7, LATS)
        for name in ("lat", "lon"):
            v = d.createVariable(name, "f8", ("y", "x"))
            v.units = "degrees"
            v[:] = numbers[0] / 3
        crs = d.createVariable("crs", "i4", ())
        crs.grid_mapping_name = "rotated_pole"
        temp = d.createVariable("temp", "f4", ("time", "y", "x"), zlib=True, chunksizes=(2, 4, 5))
        temp.setncatts({"units": "K", "coordinates": "lat lon", "grid_mapping": "crs",
                        "levels": numpy.array([1, 2, 3], "i2")})
        temp.setncattr_string("remark", "ein langer Text über Temperatur")
        temp[:] = numbers
        packed = d.createVariable("packed", "i2", ("time", "y", "x"), fill_value=-1)
        packed.set_auto_maskandscale(False)
        packed.scale_factor, packed.add_offset = 0.5, 10.0
        packed[:] = numbers


def same(got, want):
    numpy.testing.assert_array_equal(numpy.asarray(got), want)


def check_made(folder):
    path = f"{folder}/made.nc"
    with xarray.open_dataset(path) as d:
        assert d.temp.dims == ("time", "lat", "lon"), d.temp.dims
        same(d.temp, 2 * numbers)
        assert list(d.temp.coords) == ["time", "lat"], d.temp.coords
        assert str(d.time.values[5]).startswith("2000-01-06"), d.time
        same(d.lat, numpy.linspace(-70, 70, LATS))
        assert d["mean"].attrs["units"] == "K" and float(d["mean"]) == numbers.mean()
    with xarray.open_dataset(path, group="group/deep") as d:
        assert d["count"].dims == ("time", "lat", "level"), d["count"].dims
        same(d["count"], numbers)
    with netCDF4.Dataset(path, "a") as d:
        assert d["temp"].dimensions == ("time", "lat", "lon")
        assert sorted(d.dimensions) == ["lat", "lon", "time"], d.dimensions
        assert sorted(d["group/deep"].dimensions) == ["level"], d["group/deep"].dimensions
        d["temp"].changed = "by netCDF4"
        d.createVariable("more", "f4", ("time",))[:] = 1
    with netCDF4.Dataset(path) as d:
        assert d["temp"].changed == "by netCDF4"
        same(d["temp"][:], 2 * numbers)
    with h5py.File(f"{folder}/plain.h5", "r") as f:
        same(f["z"][:], numbers.astype("c8"))
        same(f["b"][:], numbers > 5)
        assert f["b"].dtype == bool and f["b"].fletcher32 and f["z"].shuffle


def check_attributes(folder):
    path = f"{folder}/notes.nc"
    with netCDF4.Dataset(path) as d:
        v = d["temp"]
        assert v.units == "K" and v.long_name == "Temperatur, gemessen in °", v
        assert v.level == 2 and v.factor == 0.5 and v.flag == 1 and v.empty == "", v
        assert v._FillValue == -999 and v._FillValue.dtype == "f4"
        same(v.valid_range, [0, 479])
        assert v.filters()["fletcher32"] and v.filters()["zlib"] and v.filters()["shuffle"]
    with h5py.File(path, "r") as f:
        assert f["temp"].fillvalue == -999
        assert [d.label for d in f["temp"].dims] == ["", "", ""]
        assert f["temp"].dims[0][0] == f["time"]


def check_file_attributes(folder):
    path = f"{folder}/made.nc"
    with xarray.open_dataset(path) as d:
        assert d.attrs == {"Conventions": "CF-1.8", "version": 3}, d.attrs
    with netCDF4.Dataset(path, "a") as d:
        d.history = "changed"
        d.Conventions = "CF-1.9"
    with netCDF4.Dataset(path) as d:
        assert sorted(d.ncattrs()) == ["Conventions", "history", "version"], d.ncattrs()
        assert d.Conventions == "CF-1.9"


def check_steps(folder):
    want = numbers[[0, 1, 2, 1, 2, 1]]
    path = f"{folder}/steps.nc"
    with xarray.open_dataset(path) as d:
        same(d.temp, want)
        same(d.time, numpy.arange(TIMES))
    with netCDF4.Dataset(path, "a") as d:
        assert d.dimensions["time"].isunlimited() and len(d.dimensions["time"]) == TIMES
        assert d["bare"].dimensions["step"].isunlimited() and len(d["bare"].dimensions["step"]) == TIMES
        same(d["bare/temp"][:], want)
        d["temp"][TIMES] = numbers[3]
        d["time"][TIMES] = TIMES
    with xarray.open_dataset(path) as d:
        same(d.temp, numbers[[0, 1, 2, 1, 2, 1, 3]])


def check_like(folder):
    with xarray.open_dataset(f"{folder}/source.nc") as source, xarray.open_dataset(f"{folder}/like.nc") as d:
        twice = d.twice
        same(twice, 2 * numbers)
        assert twice.dims == ("time", "y", "x")
        assert sorted(twice.coords) == ["lat", "lon", "time", "y"], twice.coords
        same(d.time, source.time)
        same(d.lon, source.lon)
        assert d.lat.attrs["units"] == "degrees" and "bounds" not in d.time.attrs
        assert twice.attrs["units"] == "K" and twice.attrs["remark"] == source.temp.attrs["remark"]
        same(twice.attrs["levels"], [1, 2, 3])
        assert d.crs.attrs["grid_mapping_name"] == "rotated_pole"
        assert d["mean"].dims == ("y", "x") and d["mean"].attrs["cell_methods"] == "time: mean"
        assert sorted(d["mean"].coords) == ["lat", "lon", "y"], d["mean"].coords
        same(d["mean"], numbers.mean(axis=0))
        same(source.minus, -numbers)
        assert sorted(source.minus.coords) == ["lat", "lon", "time", "y"], source.minus.coords
    with xarray.open_dataset(f"{folder}/half.nc") as d:
        same(d.temp, numbers[::2])
        assert d.temp.dims == ("time", "y", "x") and "time" not in d.coords
        assert sorted(d.temp.coords) == ["lat", "lon", "y"], d.temp.coords
    with xarray.open_dataset(f"{folder}/group.nc", group="inner") as d:
        same(d.temp, numbers)
        assert sorted(d.temp.coords) == ["lat", "lon", "time", "y"], d.temp.coords


def check_packed(folder):
    with xarray.open_dataset(f"{folder}/packed.nc") as d:
        same(d.packed, numbers * 0.5 + 10)


folder = sys.argv[2]
if sys.argv[1] == "make":
    make(folder)
else:
    for test in (check_attributes, check_made, check_file_attributes, check_steps, check_like, check_packed):
        test(folder)
        print("PASS", test.__name__)
