"""Built-in molecules: well-known small drugs, metabolites and natural products.

Chosen by hand, up to 17 heavy atoms, without stereochemistry, and with double bonds written out
(`C1=CC=CC=C1`), which is how GDB-17 writes aromatic rings. None is taken from a data set.
"""

EXAMPLES: tuple[str, ...] = (
    "CC(=O)OC1=CC=CC=C1C(O)=O",  # aspirin
    "CC(=O)NC1=CC=C(O)C=C1",  # paracetamol
    "CC(C)CC1=CC=C(C=C1)C(C)C(O)=O",  # ibuprofen
    "CN1C=NC2=C1C(=O)N(C)C(=O)N2C",  # caffeine
    "CN1CCCC1C1=CN=CC=C1",  # nicotine
    "NCCC1=CC(O)=C(O)C=C1",  # dopamine
    "CNCC(O)C1=CC(O)=C(O)C=C1",  # adrenaline
    "NCCC1=CNC2=C1C=C(O)C=C2",  # serotonin
    "CC(=O)NCCC1=CNC2=C1C=C(OC)C=C2",  # melatonin
    "NCCC1=CN=CN1",  # histamine
    "CNC(C)C(O)C1=CC=CC=C1",  # ephedrine
    "CC(C)C1CCC(C)CC1O",  # menthol
    "CC1(C)C2CCC1(C)C(=O)C2",  # camphor
    "CC(=C)C1CCC(C)=CC1",  # limonene
    "CC(=C)C1CC=C(C)C(=O)C1",  # carvone
    "CC(C)C1=CC=C(C)C=C1O",  # thymol
    "COC1=CC(CC=C)=CC=C1O",  # eugenol
    "COC1=CC(C=O)=CC=C1O",  # vanillin
    "O=CC=CC1=CC=CC=C1",  # cinnamaldehyde
    "O=C1OC2=CC=CC=C2C=C1",  # coumarin
    "OC(=O)CC1=CNC2=CC=CC=C12",  # indole-3-acetic acid
    "CCN(CC)CC(=O)NC1=C(C)C=CC=C1C",  # lidocaine
    "CCOC(=O)C1=CC=C(N)C=C1",  # benzocaine
    "CCN(CC)CCOC(=O)C1=CC=C(N)C=C1",  # procaine
    "NCC1(CCCCC1)CC(O)=O",  # gabapentin
    "CC(C)CC(CN)CC(O)=O",  # pregabalin
    "NCC(CC(O)=O)C1=CC=C(Cl)C=C1",  # baclofen
    "CC12CC3CC(C)(C1)CC(N)(C3)C2",  # memantine
    "NC12CC3CC(CC(C3)C1)C2",  # amantadine
    "CN(C)C(=N)NC(N)=N",  # metformin
    "CCCC(CCC)C(O)=O",  # valproic acid
    "CCC(N1CCCC1=O)C(N)=O",  # levetiracetam
    "NC(=O)CN1CCCC1=O",  # piracetam
    "NNC(=O)C1=CC=NC=C1",  # isoniazid
    "NC(=O)C1=NC=CN=C1",  # pyrazinamide
    "CC1=NC=C(N1CCO)[N+]([O-])=O",  # metronidazole
    "FC1=CNC(=O)NC1=O",  # fluorouracil
    "O=C1NC=NC2=C1C=NN2",  # allopurinol
    "CN1C2=C(NC=N2)C(=O)N(C)C1=O",  # theophylline
    "CCC1(CC)C(=O)NC(=O)NC1=O",  # barbital
    "CCC1(C)CC(=O)NC1=O",  # ethosuximide
    "CN1C2CCC1CC(=O)C2",  # tropinone
    "COC(=O)C1=CCCN(C)C1",  # arecoline
    "CCC1C(COC1=O)CC1=CN=CN1C",  # pilocarpine
    "CCCC1CCCCN1",  # coniine
    "NC(CC1=CNC2=CC=CC=C12)C(O)=O",  # tryptophan
    "NC(CC1=CC=CC=C1)C(O)=O",  # phenylalanine
    "OC(=O)C1CCCN1",  # proline
    "OCC1OC(O)C(O)C(O)C1O",  # glucose
    "OC1CC(=CC(O)C1O)C(O)=O",  # shikimic acid
    "OCC(O)C1OC(=O)C(O)=C1O",  # ascorbic acid
    "CC1=NC=C(CO)C(CO)=C1O",  # pyridoxine
    "OC(=O)CCCCC1SCC2NC(=O)NC12",  # biotin
    "CC(N)COC1=C(C)C=CC=C1C",  # mexiletine
    "CC(C)C1=CC=CC(C(C)C)=C1O",  # propofol
    "CNC1(CCCCC1=O)C1=CC=CC=C1Cl",  # ketamine
    "CCOC1=CC=C(NC(C)=O)C=C1",  # phenacetin
    "COC(=O)C(C1CCCCN1)C1=CC=CC=C1",  # methylphenidate
    "NCC1CCC(CC1)C(O)=O",  # tranexamic acid
    "C#CCNC1CCC2=CC=CC=C12",  # rasagiline
    "CC(CC1=CC=CC=C1)N(C)CC#C",  # selegiline
    "ClC1=CC=CC(Cl)=C1NC1=NCCN1",  # clonidine
    "CN1C=CNC1=S",  # methimazole
    "CC(CS)C(=O)N1CCCC1C(O)=O",  # captopril
    "NC(CCC(O)=O)C=C",  # vigabatrin
    "C1C2CNCC1C1=CC3=NC=CN=C3C=C21",  # varenicline
    "O=C1C=CC=C2C3CNCC(C3)CN12",  # cytisine
    "OC1CN2CCC1CC2",  # 3-quinuclidinol
    "CC(C)=CCCC(C)(O)C=C",  # linalool
    "CC1=C(C=CC(C)=O)C(C)(C)CCC1",  # beta-ionone
    "CCC=CCC1=C(C)CCC1=O",  # jasmone
    "CC1=CCC2CC1C2(C)C",  # alpha-pinene
    "CC1(C)OC2(C)CCC1CC2",  # eucalyptol
    "O=C1NS(=O)(=O)C2=CC=CC=C12",  # saccharin
    "NC1=CC=C(C=C1)S(N)(=O)=O",  # sulfanilamide
    "CC1=CNN=C1",  # fomepizole
    "CCN(CC)C(=O)C1=CC(C)=CC=C1",  # DEET
    "CC12C3CCC(O3)C1(C)C(=O)OC2=O",  # cantharidin
    "CC(C)NCC(O)C1=CC(O)=CC(O)=C1",  # orciprenaline
)
