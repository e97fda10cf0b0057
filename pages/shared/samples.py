"""Short texts, written for this project, that show what the product does before anybody has typed."""

from __future__ import annotations

from dataclasses import dataclass

from relex_core.types import Document


@dataclass(frozen=True, slots=True)
class Sample:
    """A text and the name of the preset that fits it."""

    title: str
    preset: str
    text: str

    @property
    def document(self) -> Document:
        return Document.from_text(self.text, source=f"sample: {self.title}")


SAMPLES = (
    Sample(
        "Marie Curie",
        "people",
        "Marie Curie was born in Warsaw and studied in Paris, where she met Pierre Curie. The two married in 1895 "
        "and shared the Nobel Prize in Physics with Henri Becquerel in 1903. After Pierre died, Marie Curie took "
        "over his chair at the University of Paris, the first woman to teach there.\n\n"
        "Their daughter Irène Joliot-Curie worked at the Radium Institute in Paris. She married Frédéric Joliot, "
        "and in 1935 both of them received the Nobel Prize in Chemistry.",
    ),
    Sample(
        "A merger",
        "business",
        "Northwind Energy, headquartered in Oslo, has acquired the battery maker Voltaic for 410 million euros. "
        "Voltaic was founded in Grenoble by Claire Dubois, who stays on as its chief executive. Its best known "
        "product, the GridCell, stores power for small towns.\n\n"
        "Lars Hansen, chief executive of Northwind Energy, said that the GridCell would also be built in Norway.",
    ),
    Sample(
        "A drug trial",
        "biomedical",
        "Metformin is prescribed for type 2 diabetes and lowers blood sugar without causing weight gain. In the "
        "trial, patients who took imatinib for chronic myeloid leukemia reported nausea. Imatinib inhibits the "
        "BCR-ABL protein. Mutations in the BRCA1 gene are associated with breast cancer, which is treated with "
        "tamoxifen among other drugs.",
    ),
    Sample(
        "An observatory",
        "science",
        "Vera Rubin worked at the Carnegie Institution in Washington and measured how galaxies rotate. With Kent "
        "Ford, who had built a sensitive spectrograph, she found the strongest early evidence for dark matter. "
        "Fritz Zwicky, of the California Institute of Technology, had proposed dark matter in 1933. "
        "Astrophysics took forty years to follow.",
    ),
    Sample(
        "A summit",
        "news",
        "Foreign ministers from nine countries met in Nairobi on Tuesday for the Climate Finance Summit. Amina "
        "Yusuf, who leads the African Development Forum, asked Germany and Japan to double their pledges. The "
        "forum, based in Abidjan, took part in the talks for the first time. A second round is planned in Lagos.",
    ),
)
