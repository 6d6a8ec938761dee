"""The cities' rules, written down again from their texts: one module a city."""

from tests.recompute.cities import chongqing, heyuan, kaifeng, shaoguan, zhanjiang

BY_AREA = {city.CODE: city for city in (heyuan, zhanjiang, kaifeng, shaoguan, chongqing)}
