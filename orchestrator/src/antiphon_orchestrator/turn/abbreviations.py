"""Words before a full stop that tell whether it ends a sentence. All in lower case, without the last full stop."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEVER_LAST = _words(
    """
    mr mrs ms mx dr prof rev hon gen col capt lt sgt maj cmdr gov sen rep pres st mt messrs
    e.g i.e eg ie vs v cf viz approx resp incl excl esp dept univ assn
    sr sra srta srs dra dña ud uds vd vds ee uu ej p.ej pág págs núm tel av avda atte
    hr fr hrn frl bzw ca z.b d.h u.a i.d.r zb dh evtl ggf vgl sog inkl exkl zzgl abs str
    mme mlle mlles mmes mgr me c.-à-d p.ex ex env boul
    jan feb apr jun jul aug sep sept oct nov dec
    """
)
"""A name or an explanation always follows."""

MAYBE_LAST = _words("etc usw usf u.s.w inc ltd co corp bros jr phd esq llc plc gmbh a.m p.m u.s u.k u.n d.c b.c a.d")
"""May end a sentence: it does if the next word begins one."""

BEFORE_NUMBER = _words(
    """
    no nos nr nro art arts pp par fig figs vol vols ch chap sec eq ref pt n° ziff kap bd abb tab num lib op cap min max
    """
)
"""No end of a sentence before a number: "No. 5"; otherwise it is one: "No. I won't."."""

MONTHS = _words(
    """
    januar jänner februar feber märz april mai juni juli august september oktober november dezember
    jan feb mär apr jun jul aug sep sept okt nov dez
    """
)
"""Follow on an ordinal in German: "3. Mai"."""

ORDINAL_LANGUAGES = _words("de da nb no nn fi cs sk pl hu hr sr sl et lv tr is")
"""Languages that write "3rd" as "3."."""
